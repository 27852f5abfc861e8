package direct

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// schemas are the structs that this package sends and reads (its forms), by their names in the
// Ministry's contract.
var schemas = map[string]any{
	"AuthenticationChallengeResponse":       challengeWire{},
	"TokenInfo":                             tokenWire{},
	"AuthenticationInitResponse":            begunWire{},
	"AuthenticationContextIdentifier":       contextWire{},
	"InitTokenAuthenticationRequest":        tokenLoginWire{},
	"AuthenticationOperationStatusResponse": loginStatusWire{},
	"AuthenticationMethodInfo":              methodWire{},
	"AuthenticationTokensResponse":          redeemedWire{},
	"AuthenticationTokenRefreshResponse":    refreshedWire{},
	"AuthenticationListResponse":            loginSessionsWire{},
	"AuthenticationListItem":                LoginSession{},
	"PublicKeyCertificate":                  publicKeyWire{},
	"FormCode":                              formCodeWire{},
	"EncryptionInfo":                        encryptionWire{},
	"OpenOnlineSessionRequest":              openOnlineWire{},
	"OpenOnlineSessionResponse":             madeWire{},
	"SendInvoiceRequest":                    sendWire{},
	"SendInvoiceResponse":                   madeWire{},
	"OpenBatchSessionRequest":               openBatchWire{},
	"BatchFileInfo":                         batchFileWire{},
	"BatchFilePartInfo":                     batchPartWire{},
	"OpenBatchSessionResponse":              openedBatchWire{},
	"PartUploadRequest":                     partUploadWire{},
	"SessionStatusResponse":                 sessionWire{},
	"UpoResponse":                           upoWire{},
	"UpoPageResponse":                       upoPageWire{},
	"SessionInvoicesResponse":               invoicesWire{},
	"SessionInvoiceStatusResponse":          invoiceFields{},
	"SessionsQueryResponse":                 sessionsWire{},
	"SessionsQueryResponseItem":             listedSessionWire{},
	"InvoiceQueryFilters":                   metadataQueryWire{},
	"InvoiceQueryDateRange":                 dateRangeWire{},
	"QueryInvoicesMetadataResponse":         metadataPageWire{},
	"InvoiceMetadata":                       metadataFields{},
	"InvoiceMetadataSeller":                 sellerWire{},
	"InvoiceMetadataBuyer":                  buyerWire{},
	"InvoiceMetadataBuyerIdentifier":        identifierWire{},
	"EffectiveApiRateLimitValues":           rateWire{},
	"EffectiveContextLimits":                contextLimitsWire{},
	"OnlineSessionEffectiveContextLimits":   sessionLimitsWire{},
	"BatchSessionEffectiveContextLimits":    sessionLimitsWire{},
	"CertificateLimitsResponse":             certificateLimitsWire{},
	"CertificateLimit":                      limitWire{},
	"CertificateEnrollmentDataResponse":     EnrollmentData{},
	"EnrollCertificateRequest":              enrollWire{},
	"EnrollCertificateResponse":             madeWire{},
	"CertificateEnrollmentStatusResponse":   enrollmentWire{},
	"RetrieveCertificatesRequest":           retrieveWire{},
	"RetrieveCertificatesResponse":          retrievedWire{},
	"RetrieveCertificatesListItem":          reflect.New(reflect.TypeFor[retrievedWire]().Field(0).Type.Elem()).Elem().Interface(),
	"QueryCertificatesRequest":              CertificateFilter{},
	"QueryCertificatesResponse":             certificatesWire{},
	"CertificateListItem":                   ListedCertificate{},
	"GenerateTokenRequest":                  createTokenWire{},
	"GenerateTokenResponse":                 CreatedToken{},
	"TokenStatusResponse":                   TokenInfo{},
}

type contract struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]struct{ Type string }
		}
	}
}

func readContract(t *testing.T) contract {
	t.Helper()
	file := os.Getenv("KSEF_MF_OPENAPI")
	if file == "" {
		t.Skip("KSEF_MF_OPENAPI does not name the Ministry's contract (open-api.json), which is not part of this repository")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// fields returns the names of a form's fields.
func fields(form any) (names []string) {
	t := reflect.TypeOf(form)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func TestFields_OfEveryForm_AreTheContractsOwn(t *testing.T) {
	c := readContract(t)
	for name, form := range schemas {
		schema, ok := c.Components.Schemas[name]
		if !ok {
			t.Errorf("the contract has no schema %s", name)
			continue
		}
		got := fields(form)
		if len(got) == 0 {
			t.Errorf("for the schema %s the type %T has no fields", name, form)
		}
		for _, field := range got {
			if _, ok := schema.Properties[field]; !ok {
				t.Errorf("the contract's schema %s has no field %s", name, field)
			}
		}
		if !strings.HasSuffix(name, "Request") && name != "EncryptionInfo" && !strings.HasPrefix(name, "BatchFile") && name != "FormCode" {
			continue
		}
		for _, field := range schema.Required {
			if !slices.Contains(got, field) {
				t.Errorf("%s: the required field %s is not sent", name, field)
			}
		}
	}
}

// Only the forms in schemas are compared with the contract, so every form of this package must be
// there.
func TestSchemas_NameEveryForm(t *testing.T) {
	named := map[reflect.Type]bool{}
	for _, form := range schemas {
		named[reflect.TypeOf(form)] = true
	}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of.PkgPath() != "" && of.PkgPath() != reflect.TypeFor[rateWire]().PkgPath() {
			return
		}
		if of == reflect.TypeFor[Secret]() || of == reflect.TypeFor[invoiceWire]() || of == reflect.TypeFor[metadataWire]() {
			return // Secret is a text; the other two read their fields through another struct
		}
		if !named[of] {
			t.Errorf("the type %v is part of a request or an answer, but the list of schemas does not have it", of)
		}
		for i := range of.NumField() {
			walk(of.Field(i).Type)
		}
	}
	for _, form := range schemas {
		walk(reflect.TypeOf(form))
	}
}

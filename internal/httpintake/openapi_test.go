package httpintake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"gopkg.in/yaml.v3"

	"ksefworker/internal/ledger"
)

// contract checks calls and answers against the description.
type contract struct {
	t      *testing.T
	router routers.Router
	seen   map[string]bool // each operation and status that an answer had
	doc    *openapi3.T
}

func newContract(t *testing.T, raw []byte) *contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Components.Schemas {
		shut(s)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &contract{t: t, router: router, seen: map[string]bool{}, doc: doc}
}

// shut forbids fields that are not described. The description itself allows new fields in answers,
// so without shut an answer with a field that is not described would pass.
func shut(s *openapi3.SchemaRef) {
	if s == nil || s.Ref != "" {
		return
	}
	if none := false; len(s.Value.Properties) > 0 {
		s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &none}
	}
	for _, inner := range s.Value.Properties {
		shut(inner)
	}
	shut(s.Value.Items)
}

// check fails when an answer is not what the description says about this call.
func (c *contract) check(method, path, media string, a answer) {
	c.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Errorf("%s %s is not described: %v", method, path, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.head,
		Body: io.NopCloser(bytes.NewReader(a.raw)), Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		c.t.Errorf("the answer to %s %s, status %d, is not as described: %v\n%s", method, path, a.status, err, a.raw)
	}
	c.seen[route.Operation.OperationID+" "+http.StatusText(a.status)] = true
}

func init() {
	for _, media := range []string{"application/xml", "image/png", "application/pdf"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
}

func TestOpenAPI_RunningServer_AnswersAsDescribed(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Limits.BodyPeriod = time.Second
		o.PDF = func(context.Context, *ledger.Invoice, []byte, string) ([]byte, error) { return []byte("%PDF-1.4"), nil }
	})
	served := b.call("GET", "/v1/openapi.yaml", nil, "Authorization", "")
	if served.status != http.StatusOK || !bytes.Equal(served.raw, openAPI) {
		t.Fatalf("openapi.yaml is served with status %d and %d bytes, want the file itself", served.status, len(served.raw))
	}
	c := newContract(t, served.raw)
	do := func(method, path string, body []byte, heads ...string) answer {
		t.Helper()
		a := b.call(method, path, body, heads...)
		c.check(method, path, "", a)
		return a
	}
	xml := []string{"Content-Type", "application/xml"}
	id := do("POST", "/v1/invoices?ref=SO-1&lane=bulk", xmlOf(0, "FV/1"), xml...).body.Items[0].ID
	do("POST", "/v1/invoices?ref=SO-2&lane=express", xmlOf(0, "FV/1"), xml...)
	do("POST", "/v1/invoices", []byte("<x"), xml...)
	do("POST", "/v1/invoices?lane=x", []byte("<x"), xml...)
	do("POST", "/v1/invoices", zipOf(t, "a.xml", string(xmlOf(0, "FV/2")), "b.xml", "<x", "c.txt", ""), "Content-Type", "application/zip")
	do("POST", "/v1/invoices", jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/3"))}, map[string]any{"xml": ""}), "Content-Type",
		"application/json")
	do("POST", "/v1/invoices", []byte(`{`), "Content-Type", "application/json")
	do("POST", "/v1/invoices", bytes.Repeat([]byte(" "), 9<<20), xml...)
	do("POST", "/v1/invoices", nil, "Content-Type", "image/png")
	do("POST", "/v1/invoices", nil, "Authorization", "")
	do("GET", "/v1/invoices", nil)
	do("GET", "/v1/invoices?limit=1", nil)
	do("GET", "/v1/invoices?number=FV/1", nil)
	do("GET", "/v1/invoices?state=x", nil)
	do("GET", "/v1/invoices/"+id, nil)
	do("GET", "/v1/invoices/inv-none", nil)
	do("GET", "/v1/invoices/"+id+"/xml", nil)
	do("GET", "/v1/invoices/"+id+"/upo", nil)
	do("GET", "/v1/invoices/"+id+"/qr.png", nil)
	do("GET", "/v1/invoices/"+id+"/pdf", nil)
	do("GET", "/v1/invoices/inv-none/pdf", nil)
	b.move(ledger.Parked, ledger.Because(415, "brak uprawnień"), id)
	do("GET", "/v1/invoices/"+id, nil)
	next := do("GET", "/v1/events", nil).body.Next
	do("GET", "/v1/events?cursor="+next, nil)
	do("GET", "/v1/events?cursor=x", nil)
	do("POST", "/v1/invoices/"+id+":retry", nil)
	do("POST", "/v1/invoices/"+id+":retry", nil)
	do("POST", "/v1/invoices/"+id+":dismiss", []byte(`{"reason":"x"}`))
	do("POST", "/v1/invoices/"+id+":dismiss", []byte(`{"reason":"x"}`))
	do("POST", "/v1/invoices/"+id+":dismiss", []byte(`x`))
	b.unfit = &ledger.FullError{}
	do("POST", "/v1/invoices", xmlOf(0, "FV/9"), xml...)
	for _, want := range []string{
		"submitInvoices Accepted", "submitInvoices Multi-Status", "submitInvoices Bad Request", "submitInvoices Unauthorized",
		"submitInvoices Request Entity Too Large", "submitInvoices Unsupported Media Type", "submitInvoices Unprocessable Entity",
		"submitInvoices Service Unavailable", "listInvoices OK", "listInvoices Bad Request", "getInvoice OK", "getInvoice Not Found",
		"getInvoiceXML OK", "getInvoiceUPO Not Found", "getInvoiceQR OK", "getInvoicePDF OK", "getInvoicePDF Not Found", "retryInvoice OK",
		"retryInvoice Conflict", "dismissInvoice OK",
		"listEvents OK", "listEvents Bad Request", "dismissInvoice Conflict", "dismissInvoice Bad Request",
	} {
		if !c.seen[want] {
			t.Errorf("no call was answered with %s", want)
		}
	}
}

func TestOpenAPI_AnswerThatDiffers_IsFound(t *testing.T) {
	c := &contract{}
	inner := &testing.T{}
	*c = *newContract(t, openAPI)
	c.t = inner
	c.check("GET", "/v1/invoices", "", answer{
		status: 200, head: http.Header{"Content-Type": {"application/json"}}, raw: []byte(`{"items":[{"id":"x"}]}`),
	})
	if !inner.Failed() {
		t.Error("an invoice without its fields fits the description")
	}
	inner = &testing.T{}
	c.t = inner
	c.check("GET", "/v1/invoices", "", answer{
		status: 200, head: http.Header{"Content-Type": {"application/json"}}, raw: []byte(`{"items":[],"more":true}`),
	})
	if !inner.Failed() {
		t.Error("a field that is not described fits the description")
	}
}

// The description forbids unknown fields only in the bodies of calls. A program that was made from
// the description must not stop at a field that a later version adds to an answer.
func TestOpenAPI_Answers_MayGetNewFieldsAndBodiesMayNot(t *testing.T) {
	_, answers, _ := strings.Cut(string(openAPI), "\n    Submitted:\n")
	if strings.Contains(answers, "additionalProperties") || !strings.Contains(string(openAPI), "additionalProperties: false") {
		t.Errorf("an answer forbids new fields: %v, and a body forbids unknown fields: %v; want false and true",
			strings.Contains(answers, "additionalProperties"), strings.Contains(string(openAPI), "additionalProperties: false"))
	}
}

func TestOpenAPI_EveryParameterThatIsRead_IsDescribedAndNoOther(t *testing.T) {
	doc := newContract(t, openAPI).doc
	for _, c := range []struct {
		of     *openapi3.Operation
		source string // where the names are read
	}{
		{doc.Paths.Find("/v1/invoices").Post, "documents.go"}, {doc.Paths.Find("/v1/invoices").Get, "filter.go"},
		{doc.Paths.Find("/v1/events").Get, "events.go"},
	} {
		var described, read []string
		for _, p := range c.of.Parameters {
			if p.Value.In == "query" {
				described = append(described, p.Value.Name)
			}
		}
		text, err := os.ReadFile(c.source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\t\tcase "(\w+)":`).FindAllSubmatch(text, -1) {
			read = append(read, string(m[1]))
		}
		slices.Sort(described)
		slices.Sort(read)
		if !slices.Equal(described, read) {
			t.Errorf("%s: the description has the parameters %q, the code reads %q", c.of.OperationID, described, read)
		}
	}
	one := doc.Components.Schemas["Submission"].Value.Properties["invoices"].Value.Items.Value
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[jsonInvoice]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	if described := slices.Sorted(maps.Keys(one.Properties)); !slices.Equal(described, fields) {
		t.Errorf("the description of an invoice in JSON has the fields %q, the code reads %q", described, fields)
	}
}

func TestOpenAPI_RoutesProblemsAndMediaTypes_AreAllDescribed(t *testing.T) {
	doc := newContract(t, openAPI).doc
	post := doc.Paths.Find("/v1/invoices").Post
	for path, item := range doc.Paths.Map() {
		// A body can arrive too slowly wherever one is read.
		if item.Post != nil && item.Post.Responses.Value("408") == nil {
			t.Errorf("the answer 408 of POST %s is not described", path)
		}
	}
	var described []string
	for media := range post.RequestBody.Value.Content {
		described = append(described, media)
	}
	slices.Sort(described)
	var known []string
	for media := range formats {
		known = append(known, media)
	}
	slices.Sort(known)
	if !slices.Equal(described, known) {
		t.Errorf("the description has the media types %q, the server takes %q", described, known)
	}
	for _, k := range []kind{badRequest, unauthorized, notFound, methodNotAllowed, slow, conflict, outdated, tooLarge, unsupported,
		refusedAll,
		keyReused,
		tooMany, unavailable, internal} {
		if !strings.Contains(string(openAPI), `"urn:ksef-worker:problem:`+k.name+`"`) {
			t.Errorf("the problem %s is not described", k.name)
		}
		if k.title.en == "" || k.title.pl == "" {
			t.Errorf("the problem %s lacks a title in a language", k.name)
		}
	}
}

// The author of a program that calls this interface has only the description. So the description
// must say what each field means, in the words of the schema of results.
func TestOpenAPI_EveryField_SaysWhatItMeans(t *testing.T) {
	var api struct{ Components struct{ Schemas properties } }
	if err := yaml.Unmarshal(openAPI, &api); err != nil {
		t.Fatal(err)
	}
	for _, s := range api.Components.Schemas {
		for _, f := range s.of.fields("") {
			if f.Description == "" && f.Object == "" && f.Name != "refusal.faults[]" {
				t.Errorf("the field %s of %s has no description", f.Name, s.name)
			}
		}
	}
	raw, err := os.ReadFile("../../docs/result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		t.Fatal(err)
	}
	all := newContract(t, openAPI).doc.Components.Schemas
	for name, want := range result.Properties {
		if slices.Contains([]string{"faults", "note", "warning", "terms"}, name) {
			continue // only the results beside the files of a watched folder have this field
		}
		if got := all["Invoice"].Value.Properties[name]; got == nil || got.Ref == "" && got.Value.Description != want.Description {
			t.Errorf("the field %s is described as %+v, and in the schema of results as %q", name, got, want.Description)
		}
	}
}

func TestOpenAPI_Examples_AreWhatIsDescribed(t *testing.T) {
	var api struct{ Components struct{ Schemas properties } }
	if err := yaml.Unmarshal(openAPI, &api); err != nil {
		t.Fatal(err)
	}
	all := newContract(t, openAPI).doc.Components.Schemas
	examples := 0
	for _, s := range api.Components.Schemas {
		if s.of.Example == "" {
			continue
		}
		examples++
		var value any
		err := json.Unmarshal([]byte(s.of.Example), &value)
		if err == nil {
			err = all[s.name].Value.VisitJSON(value)
		}
		if err != nil {
			t.Errorf("the example of %s is not as described: %v", s.name, err)
		}
	}
	if examples < 2 {
		t.Errorf("the description has %d examples, want at least 2", examples)
	}
}

func TestDocs_ThePage_NamesEveryOperationAndLoadsNothing(t *testing.T) {
	b := newBench(t, nil)
	a := b.call("GET", "/v1/docs", nil, "Authorization", "")
	text := string(a.raw)
	for _, want := range []string{"POST /v1/invoices<", "GET /v1/invoices/{id}/upo<", "POST /v1/invoices/{id}:dismiss<", "Idempotency-Key",
		"application/zip"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	var described struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]yaml.Node }
		}
	}
	if err := yaml.Unmarshal(openAPI, &described); err != nil {
		t.Fatal(err)
	}
	for name, s := range described.Components.Schemas {
		if !strings.Contains(text, `<h2 id="`+name+`"`) {
			t.Errorf("the page lacks %s", name)
		}
		for field := range s.Properties {
			if !strings.Contains(text, "<code>"+field+"</code>") && !strings.Contains(text, "<code>"+field+"[]</code>") {
				t.Errorf("the page lacks %s of %s", field, name)
			}
		}
	}
	for _, want := range []string{"Authorization: Bearer", "integer, 1 to 1000", "one of auto, express, bulk",
		"<code>invoices[].xml_base64</code>", "<code>refusal.faults[].hint</code>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, link := range regexp.MustCompile(`href="#(\w*)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, `id="`+link[1]+`"`) {
			t.Errorf("the page has a link to its part %s, but no such part", link[1])
		}
	}
	outside := regexp.MustCompile(`(src|href|action)\s*=\s*"?(\w+:)?//|url\(|@import`)
	if strings.Contains(text, "<script") || outside.MatchString(text) ||
		!strings.Contains(a.head.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page has a script or loads from outside, or its head does not forbid that: %v", a.head)
	}
}

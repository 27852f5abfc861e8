package httpintake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
)

// source is the documents in a body.
type source struct {
	items iter.Seq[intake.Item]
	// fault is why the rest of the body could not be read; set when items has ended.
	fault error
}

// format reads the documents of one media type.
type format func(br *bodyReader, c *call, b *body, of *asked) *source

var formats = map[string]format{
	"application/xml":     xmlBody,
	"text/xml":            xmlBody,
	"multipart/form-data": multipartBody,
	"application/json":    jsonBody,
	"application/zip":     zipBody,
	// The name that Windows has for a ZIP archive.
	"application/x-zip-compressed": zipBody,
}

// asked is what a call says about all of its documents.
type asked struct {
	media  string
	params map[string]string // of the media type
	file   string            // the name that the caller gave the body; "-" when it gave none
	wanted intake.Wanted
	terms  intake.Terms
}

// askedOf reads what a call says in its query and headers.
func (br *bodyReader) askedOf(c *call) (*asked, error) {
	a := &asked{file: "-"}
	var err error
	if a.media, a.params, err = mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || formats[a.media] == nil {
		return nil, &problem{kind: unsupported, detail: text{
			en: "send application/xml, application/zip, multipart/form-data or application/json as Content-Type",
			pl: "wyślij application/xml, application/zip, multipart/form-data albo application/json jako Content-Type"}}
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, bad("the query cannot be read", "nie można odczytać parametrów zapytania")
	}
	w := &a.wanted
	for name, values := range query {
		if len(values) != 1 {
			return nil, bad(fmt.Sprintf("%q is given twice", name), fmt.Sprintf("%q podano dwa razy", name))
		}
		if values[0] == "" { // such as ?ref=$REF without a value
			return nil, bad(fmt.Sprintf("%s is empty; leave it out, or give it a value", cut(name)),
				fmt.Sprintf("parametr %s jest pusty; pomiń go albo podaj wartość", cut(name)))
		}
		switch value := values[0]; name {
		case "ref":
			w.Ref = value
		case "lane":
			w.Lane = value
		case "deadline":
			w.Deadline = value
		case "tenant":
			w.Tenant = value
		case "corrects":
			w.Corrects = value
		case "offline":
			if value != "true" && value != "false" {
				return nil, bad("offline must be true or false", "offline musi być true albo false")
			}
			w.Offline = value == "true"
		default:
			return nil, bad(fmt.Sprintf("the query has an unknown parameter %q; known are ref, lane, offline, deadline, tenant and "+
				"corrects",
				cut(name)),
				fmt.Sprintf("zapytanie ma nieznany parametr %q; znane to ref, lane, offline, deadline, tenant i corrects", cut(name)))
		}
	}
	if w.Ref != "" && a.media != "application/xml" && a.media != "text/xml" {
		return nil, bad("ref in the query is for one application/xml; give a ref to each document in application/json",
			"ref w zapytaniu jest dla jednego application/xml; w application/json podaj ref przy każdym dokumencie")
	}
	if a.terms, err = w.Terms(br.o.Now(), c.client.admitter.Accounts); err != nil {
		plus := lostPlus(w.Deadline)
		return nil, bad(intake.OneLine(err)+plus.en, c.refusalOf(err).Detail+plus.pl)
	}
	if _, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		a.file = baseName(params["filename"])
	}
	return a, nil
}

func xmlBody(_ *bodyReader, _ *call, b *body, of *asked) *source {
	return &source{items: func(yield func(intake.Item) bool) {
		data, err := b.bytes()
		yield(intake.Item{File: of.file, Data: data, Ref: of.wanted.Ref, Err: err})
	}}
}

func zipBody(br *bodyReader, c *call, b *body, of *asked) *source {
	name := of.file
	if name == "-" {
		name = unnamedZIP
	}
	src := &source{}
	src.items = func(yield func(intake.Item) bool) {
		for it := range intake.ReadArchive(c.ctx(), name, b.at, b.size, br.readOptions()) {
			if p, ok := errors.AsType[*intake.Problem](it.Err); ok && p.TooMany {
				src.fault = br.tooMany("nothing was taken", "nic nie przyjęto")
				return
			}
			if it.Err != nil && it.File == unnamedZIP {
				it.Unnamed, it.Sum = true, ledger.HashText(b.sum) // only its bytes tell it from other archives
			}
			if !yield(it) {
				return
			}
		}
	}
	return src
}

// unnamedZIP is the name of an archive that has none.
const unnamedZIP = "-.zip"

// tooMany returns the answer to a call with more documents than it may have. en and pl say what
// became of them.
func (br *bodyReader) tooMany(en, pl string) error {
	n := br.o.Limits.Documents
	return &problem{kind: tooLarge, detail: text{
		en: fmt.Sprintf("one call may hold %s; %s", plural.Of(n, "document", "documents"), en),
		pl: fmt.Sprintf("największa liczba dokumentów w jednym wywołaniu: %d; %s", n, pl)}}
}

func (br *bodyReader) readOptions() intake.Options {
	return intake.Options{MaxEntries: br.o.Limits.Documents, MaxDocument: br.o.Limits.Document}
}

// bytes returns the whole body. It is called for bodies that hold one document.
func (b *body) bytes() ([]byte, error) {
	if b.file == nil {
		return b.mem, nil
	}
	return io.ReadAll(b.reader())
}

// single reports whether a call hands in one document that is in memory already.
func (b *body) single(of *asked) bool {
	return b.file == nil && (of.media == "application/xml" || of.media == "text/xml")
}

// fewDocuments is how many documents a body in memory may hold without a place among the large
// calls. A small body with more documents needs a place too, because the answer about a document
// takes more memory than a small document.
const fewDocuments = 100

// turn returns the kind of a large call, and false for a call that needs no place among the large
// ones.
func (b *body) turn(of *asked) (turns, bool) {
	switch of.media {
	case "application/json":
		if b.size <= inMemory && elements(b.mem) <= fewDocuments {
			return plain, false
		}
		if b.namesFaktura() {
			return converted, true
		}
	case "multipart/form-data":
		return plain, b.size > inMemory || bytes.Count(b.mem, []byte("--"+of.params["boundary"])) > fewDocuments
	}
	return plain, true
}

// elements counts the values of the arrays of an object, such as {"invoices": […]}. For text that
// is not JSON, the count means nothing.
func elements(text []byte) int {
	n, depth, inText := 1, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inText = !inText
		case inText && c == '\\':
			i++
		case inText:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 2:
			n++
		}
	}
	return n
}

// baseName removes the folders from a name that others gave. It returns a short name in UTF-8.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		return "-"
	}
	return cut(name)
}

// cut shortens a text of the caller's for messages and records.
func cut(s string) string {
	const maxLength = 200
	if utf8.RuneCountInString(s) <= maxLength {
		return s
	}
	return string([]rune(s)[:maxLength]) + "…"
}

// bytesText returns a size for people.
func bytesText(n int64) string {
	if n >= 1e6 {
		return fmt.Sprintf("%d MB", n/1e6)
	}
	return fmt.Sprintf("%d kB", n/1e3)
}

// limited ends a sequence after the maximum number of documents of one call.
func (br *bodyReader) limited(ctx context.Context, src *source) iter.Seq[intake.Item] {
	return func(yield func(intake.Item) bool) {
		n, over := 0, false
		for it := range src.items {
			if over = n == br.o.Limits.Documents; over {
				break
			}
			n++
			if ctx.Err() != nil || !yield(it) {
				return
			}
		}
		if over { // set only now, because items sets the fault too when it ends
			src.fault = br.tooMany("the documents with an answer were read, the others were not",
				"odczytano te, dla których jest odpowiedź, pozostałych nie")
		}
	}
}

package httpintake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"mime/multipart"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// multipartBody reads the files of a form. Each part with a file name is one document. The header
// Ref of the part, if any, is the document's ref. The name of the form field does not matter.
func multipartBody(br *bodyReader, c *call, b *body, of *asked) *source {
	src := &source{}
	src.items = func(yield func(intake.Item) bool) {
		src.fault = eachPart(b, of.params["boundary"], func(p *multipart.Part) (bool, error) {
			it, err := br.part(p)
			if err != nil {
				return false, err
			}
			return yield(it), nil
		})
	}
	return src
}

// eachPart reads the parts of a form until do returns false or an error.
func eachPart(b *body, boundary string, do func(*multipart.Part) (bool, error)) error {
	broken := bad("the form cannot be read to its end: its boundary or a part is malformed; documents before it were read",
		"nie można odczytać formularza do końca: niepoprawny boundary lub część; wcześniejsze dokumenty odczytano")
	const maxLength = 70 // RFC 2046
	if boundary == "" || len(boundary) > maxLength {
		return bad("the Content-Type has no boundary", "Content-Type nie ma boundary")
	}
	form := multipart.NewReader(b.reader(), boundary)
	for found := false; ; found = true {
		p, err := form.NextRawPart()
		if err == io.EOF {
			if !found {
				return bad("the form has no part", "formularz nie ma żadnej części")
			}
			return nil
		}
		if err != nil {
			return broken
		}
		more, err := do(p)
		if errors.Is(err, errPart) {
			return broken
		}
		if err != nil || !more {
			return err
		}
	}
}

var errPart = errors.New("part cut off")

func (br *bodyReader) part(p *multipart.Part) (intake.Item, error) {
	name := fileName(p)
	it := intake.Item{File: baseName(name), Ref: p.Header.Get("Ref")}
	if name == "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, p); err != nil {
			return it, errPart
		}
		// Only its bytes tell it from other such parts.
		it.File, it.Sum = "-", ledger.HashText([sha256.Size]byte(sum.Sum(nil)))
		it.Err = &intake.Problem{What: "is a part of the form without a file name",
			Hint: "send each invoice as a file; what holds for all of them goes into the query"}
		return it, nil
	}
	limit := br.o.Limits.Document
	data, err := io.ReadAll(io.LimitReader(p, limit+1))
	if err != nil {
		return it, errPart
	}
	if int64(len(data)) > limit {
		rest, err := io.Copy(io.Discard, p)
		if err != nil {
			return it, errPart
		}
		it.Err = invoice.TooLarge(int64(len(data))+rest, limit)
		return it, nil
	}
	if len(p.Header.Values("Ref")) > 1 {
		it.Ref, it.Err = "", &invoice.FieldError{Field: "ref", Rule: "must be given once", Hint: "the part has several headers Ref"}
		return it, nil
	}
	it.Data = data
	return it, nil
}

func fileName(p *multipart.Part) string {
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return params["filename"]
}

// fingerprint returns a hash that two calls with the same Idempotency-Key must have in common. A
// form has a new boundary each time, so only its parts count.
func (b *body) fingerprint(of *asked, query string) ([sha256.Size]byte, error) {
	h := sha256.New()
	add := func(part []byte) {
		_ = binary.Write(h, binary.BigEndian, int64(len(part))) // a hash returns no error
		h.Write(part)
	}
	add([]byte(of.media))
	add([]byte(query))
	if of.media != "multipart/form-data" {
		add(b.sum[:])
		return [sha256.Size]byte(h.Sum(nil)), nil
	}
	err := eachPart(b, of.params["boundary"], func(p *multipart.Part) (bool, error) {
		add([]byte(fileName(p)))
		add([]byte(p.Header.Get("Ref")))
		one := sha256.New()
		if _, err := io.Copy(one, p); err != nil {
			return false, errPart
		}
		add(one.Sum(nil))
		return true, nil
	})
	return [sha256.Size]byte(h.Sum(nil)), err
}

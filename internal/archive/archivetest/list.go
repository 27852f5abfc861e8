package archivetest

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxKeys is how many keys a page has. It is small, so that tests meet several pages.
const maxKeys = 3

type listed struct {
	XMLName        xml.Name `xml:"ListBucketResult"`
	EncodingType   string
	IsTruncated    bool
	Next           string `xml:"NextContinuationToken,omitempty"`
	Contents       []listedObject
	CommonPrefixes []listedPrefix
}

type (
	listedObject struct{ Key, LastModified string }
	listedPrefix struct{ Prefix string }
)

// list answers a request ListObjectsV2 with one page. The token is the last key or prefix of the
// page before.
func (s *S3) list(w http.ResponseWriter, q url.Values) {
	out := listed{EncodingType: "url"}
	seen := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(s.Objects)) {
		rest, below := strings.CutPrefix(key, q.Get("prefix"))
		name := key
		if at := strings.Index(rest, "/"); q.Get("delimiter") == "/" && at >= 0 {
			name = q.Get("prefix") + rest[:at+1]
		}
		if !below || seen[name] || name <= q.Get("continuation-token") {
			continue
		}
		seen[name] = true
		if len(out.Contents)+len(out.CommonPrefixes) == maxKeys {
			out.IsTruncated = true
			break
		}
		out.Next = name
		if strings.HasSuffix(name, "/") {
			out.CommonPrefixes = append(out.CommonPrefixes, listedPrefix{url.QueryEscape(name)})
			continue
		}
		out.Contents = append(out.Contents, listedObject{url.QueryEscape(name), "2026-11-23T10:00:00Z"})
	}
	if !out.IsTruncated {
		out.Next = ""
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}

package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The places of a file inside the folder. These names are reserved only at the top of the folder.
const (
	taken     = "taken"
	accepted  = "accepted"
	rejected  = "rejected"
	refused   = "refused"
	parked    = "parked"
	dismissed = "dismissed"
	unpacked  = "unpacked" // archives, when what was in them is in taken/
)

var places = []string{taken, accepted, rejected, refused, parked, dismissed, unpacked}

// The result, the receipt and the XML of a file stand beside it. Each has the name of the file,
// followed by one of these endings.
const (
	resultEnd  = ".json"
	receiptEnd = ".upo.xml"
	xmlEnd     = ".xml" // of an invoice that is JSON
)

// maxName is how many bytes a name may have, so that there is space for what is added to it. File
// systems take 255.
const maxName = 200

// inArchive matches the end of an archive's name and the slash after it, in any case of letters.
var inArchive = regexp.MustCompile(`(?i)\.zip/`)

// original returns the name that the other program gave a file. For a file out of an archive, that
// is the name that the program gave the archive, followed by the name of the entry. The given name
// cannot be derived from the name that the file has now, because a program may give any name. So
// the given name is on record for each file and archive that got another name.
func (c *core) original(name string) string {
	if given, ok := c.given[name]; ok {
		return given
	}
	for _, at := range inArchive.FindAllStringIndex(name, -1) {
		if given, ok := c.given[name[:at[1]-1]]; ok {
			return given + name[at[1]-1:]
		}
	}
	return name
}

// freeName returns the name that a file gets below its place. It is the file's own name, shortened
// if it is very long. Another name is made if that name is taken, or is the name of the result or
// the receipt of another file. That other file may be one that comes later.
func (t *taker) freeName(name string, now time.Time) string {
	dir, base := path.Split(name)
	stem, ext := shortened(base)
	if try := dir + stem + ext; !besideAnother(base) && t.free(try) {
		return try
	}
	stem += "~" + now.UTC().Format("20060102T150405")
	for n := 1; ; n++ {
		try := dir + stem + ext
		if n > 1 {
			try = fmt.Sprintf("%s%s-%d%s", dir, stem, n, ext)
		}
		if t.free(try) {
			return try
		}
	}
}

// entryName returns the name of an entry below the name of its archive. A name that would be
// mistaken for what stands beside another file gets a mark.
func entryName(name string) string {
	parts := strings.Split(path.Clean(name), "/")
	for i, part := range parts {
		stem, ext := shortened(part)
		beside := strings.TrimSuffix(strings.ToLower(stem), ".upo")
		if isXML(beside) || isJSON(beside) {
			stem += "~"
		}
		parts[i] = stem + ext
	}
	return strings.Join(parts, "/")
}

// besideAnother reports whether a file with this name would be taken for the result or the receipt
// of another file.
func besideAnother(base string) bool {
	for _, end := range []string{resultEnd, receiptEnd} {
		if of := base[:max(len(base)-len(end), 0)]; hasEnd(base, end) && (isXML(of) || isJSON(of) || isZIP(of)) {
			return true
		}
	}
	return false
}

// shortened returns the two parts of a name without folders. Of a long name the first part is cut,
// and ends in a digest of the whole name, so that two long names stay different.
func shortened(base string) (stem, ext string) {
	if ext = path.Ext(base); len(ext) > 10 {
		ext = ""
	}
	stem = strings.TrimSuffix(base, ext)
	if len(base) > maxName {
		sum := sha256.Sum256([]byte(base))
		stem = strings.ToValidUTF8(stem[:maxName-40], "") + "~" + hex.EncodeToString(sum[:4])
	}
	return stem, ext
}

// free reports whether a file can have the name. No other file may have the name, and no delivered
// file may have the name that the result or the receipt of this file will have. Also, an XML
// invoice and the XML that is made of an invoice in JSON may not have the same name, whichever of
// the two comes first.
func (t *taker) free(name string) bool {
	if t.used(name) || t.delivered(name+resultEnd) || t.delivered(name+receiptEnd) || isJSON(name) && t.used(name+xmlEnd) {
		return false
	}
	of := name[:max(len(name)-len(xmlEnd), 0)]
	return !isXML(name) || !isJSON(of) || !t.used(of)
}

// used reports whether a file has the name in some place.
func (t *taker) used(name string) bool {
	return t.files[name] != nil || slices.ContainsFunc(places, func(place string) bool { return t.disk.exists(place + "/" + name) })
}

// delivered reports whether a file that another program delivered has the name in some place.
// Results and receipts do not count. They can be told apart from delivered files, because they are
// never in taken/, and have no result beside them. A folder counts as delivered.
func (c *core) delivered(name string) bool {
	return c.files[name] != nil || slices.ContainsFunc(places, func(place string) bool {
		at := place + "/" + name
		return c.disk.exists(at) && (place == taken || c.disk.isFolder(at) || c.disk.exists(at+resultEnd))
	})
}

func isXML(name string) bool  { return hasEnd(name, ".xml") }
func isJSON(name string) bool { return hasEnd(name, ".json") }
func isZIP(name string) bool  { return hasEnd(name, zipEnd) }

func hasEnd(name, end string) bool {
	return len(name) > len(end) && strings.EqualFold(name[len(name)-len(end):], end)
}

// hidden reports whether a name is one that systems, editors and uploads in progress use.
func hidden(base string) bool { return strings.HasPrefix(base, ".") }

package tasks

import "sync"

// maxReused is the largest document whose memory is used again, in bytes. Larger ones are rare, and
// the memory kept for one of them would be enough for many usual ones.
const maxReused = 64 << 10

// usedDocuments keeps the memory of earlier documents for later ones. Thousands of documents are
// opened for a package and again for the archive, and each is needed only for a moment. Without the
// pool, documents would be a fifth of all the memory that a worker allocates.
var usedDocuments sync.Pool

// unusedDocument returns memory for a document; nil when there is none that can be used again.
func unusedDocument() []byte {
	if b, ok := usedDocuments.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// reuse gives the memory of a document to later ones. Nothing may refer to the document any more.
func reuse(doc []byte) {
	if n := cap(doc); n > 0 && n <= maxReused {
		usedDocuments.Put(&doc)
	}
}

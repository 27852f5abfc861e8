package httpintake

import (
	"crypto/sha256"
	"sync"
)

// madeBytes bounds the XML that is kept of one client's invoices in JSON.
const madeBytes = 16 << 20

// made keeps the XML that was made of a client's latest invoices in JSON. In an hour, the gateway
// makes XML of only a few invoices of a tenant. Without this memory, a client that repeats a call
// would use up its share for the same invoices each time, and never get to its other invoices. Safe
// for concurrent use.
type made struct {
	mu   sync.Mutex
	xml  map[[sha256.Size]byte][]byte
	ages [][sha256.Size]byte // the oldest first
	size int
}

func madeKey(tenant string, faktura []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(tenant+"\x00"), faktura...))
}

func (m *made) of(key [sha256.Size]byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.xml[key]
}

func (m *made) keep(key [sha256.Size]byte, doc []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.xml[key] != nil || len(doc) > madeBytes {
		return
	}
	if m.xml == nil {
		m.xml = map[[sha256.Size]byte][]byte{}
	}
	m.xml[key], m.ages, m.size = doc, append(m.ages, key), m.size+len(doc)
	for m.size > madeBytes {
		oldest := m.ages[0]
		m.size -= len(m.xml[oldest])
		delete(m.xml, oldest)
		m.ages = m.ages[1:]
	}
}

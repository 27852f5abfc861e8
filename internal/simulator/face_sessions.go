package simulator

import (
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/strictjson"
)

// SessionBook gives package ministry the sessions that are opened at the Ministry's API.
type SessionBook struct{ s *Simulator }

// Sessions returns the sessions of the Ministry's API.
func (f Face) Sessions() SessionBook { return SessionBook(f) }

// AccountOf returns the account of a session that is known, "" when there is no such session.
func (f SessionBook) AccountOf(session string) string {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if sess := f.s.sessions[session]; sess != nil && sess.direct && !sess.lost {
		return sess.account
	}
	return ""
}

// Opening is what a client says when it opens a session.
type Opening struct {
	Account Account
	// Author is who opens it, within the account.
	Author string
	// System, Schema and Value are the formCode: FA (3), 1-0E, FA.
	System, Schema, Value string
	Key, IV               []byte // the encrypted key, and the initialization vector
	Package               *Package
}

// Package is what a client declares of the package of a batch session.
type Package struct {
	Size    int64
	Hash    []byte
	Parts   []PackagePart
	TarGz   bool
	Offline bool
}

// PackagePart is one encrypted part. Ordinals begin with 1.
type PackagePart struct {
	Ordinal int32
	Size    int64
	Hash    []byte
}

// Upload is where and how one part is to be sent.
type Upload struct {
	Ordinal int
	Method  string
	URL     string
	Headers map[string]string
}

// Open opens an online session or, with a Package, a batch session whose parts are uploaded to
// addresses below base.
func (f SessionBook) Open(o Opening, base string) (Session, []Upload, *Refusal) {
	s := f.s
	form := formOf(s.forms, o.System, o.Schema, o.Value)
	if form == nil {
		refused := badInput("formCode: %q %q %q is none of FA (3) 1-0E FA and FA (2) 1-0E FA", o.System, o.Schema, o.Value)
		return Session{}, nil, exported(refused)
	}
	if len(o.IV) != 16 || len(o.Key) == 0 {
		return Session{}, nil, exported(badInput("encryption needs an encryptedSymmetricKey and an initializationVector of 16 bytes"))
	}
	encryption := encryptionInfo{InitVector: o.IV, EncryptedKey: o.Key}
	if o.Package == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		sess := s.startOnline(o.Account, form, encryption)
		sess.direct, sess.author = true, o.Author
		return f.view(sess), nil, nil
	}
	file := batchFile{Size: o.Package.Size, Hash: o.Package.Hash}
	for _, p := range o.Package.Parts {
		file.Parts = append(file.Parts, batchPart{Ordinal: p.Ordinal, Size: p.Size, Hash: strictjson.Octets(p.Hash)})
	}
	if refused := file.checkDirect(); refused != nil {
		return Session{}, nil, exported(refused)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.startBatch(o.Account, form, encryption, file, o.Package.Offline)
	sess.direct, sess.author, sess.tarGz = true, o.Author, o.Package.TarGz
	var uploads []Upload
	for _, p := range file.Parts {
		n := int(p.Ordinal)
		u := Upload{Ordinal: n, Method: http.MethodPut, URL: s.partURL(base, sess, n), Headers: map[string]string{}}
		for _, h := range partHeaders(sess.id, n) {
			u.Headers[h.Name] = h.Value
		}
		uploads = append(uploads, u)
	}
	return f.view(sess), uploads, nil
}

// checkDirect is like check, but allows a package of up to maxPackage bytes, as the Ministry's API
// does.
func (b batchFile) checkDirect() *refusal {
	if b.Size < 1 || b.Size > maxPackage {
		return badInput("batchFile.fileSize is not 1 to %d", int64(maxPackage))
	}
	declared := b
	declared.Size = 1
	return declared.check()
}

func formOf(forms map[string]*fa.Form, system, schema, value string) *fa.Form {
	for _, form := range forms {
		if form.SystemCode == system && schema == "1-0E" && value == "FA" {
			return form
		}
	}
	return nil
}

// Session is a session as a client sees it now.
type Session struct {
	ID, Author string
	Online     bool
	Opened     time.Time
	Updated    time.Time
	Expires    time.Time
	Closed     time.Time // zero while it is open
	Code       int
	// Description and Details are KSeF's texts; Details is often empty.
	Description, Details   string
	Count, Success, Failed int
	Counted                bool // the counts are known
	NIP                    string
	Receipt                string // reference of its UPO; "" while there is none
}

// view returns a session as a client sees it now. The caller holds mu.
func (f SessionBook) view(sess *session) Session {
	s := f.s
	s.expire(sess)
	code := s.status(sess)
	v := Session{
		ID: sess.id, Author: sess.author, Online: sess.lane == laneOnline, Opened: sess.opened, Updated: sess.opened,
		Expires: sess.expires, Closed: sess.closed, Code: code, Description: sess.describe(code), NIP: sess.context,
	}
	if n := len(sess.invoices); n > 0 && sess.lane == laneOnline {
		v.Updated = sess.invoices[n-1].sent
	}
	if !sess.closed.IsZero() {
		v.Updated = sess.closed
		if code >= 200 {
			v.Updated = sess.closed.Add(s.opts.Delay)
		}
	}
	if code == sess.code && sess.decided {
		v.Details = sess.details
	}
	if code == 200 || code == 445 || sess.lane == laneOnline {
		v.Counted = true
		v.Count, v.Success, v.Failed = s.counts(sess)
	}
	if code == 200 {
		v.Receipt = sess.id[:9] + "EU" + sess.id[11:]
	}
	return v
}

// own returns a session that the account has opened at the Ministry's API. The caller holds mu.
func (f SessionBook) own(account Account, id string) (*session, *refusal) {
	sess, refused := f.s.ownSession(account, id)
	if refused == nil && !sess.direct {
		refused = noSession(id)
	}
	return sess, refused
}

// One returns a session of the account.
func (f SessionBook) One(account Account, id string) (Session, *Refusal) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	sess, refused := f.own(account, id)
	if refused != nil {
		return Session{}, exported(refused)
	}
	return f.view(sess), nil
}

// List lists the sessions of the account in one lane, newest first. Those that a fault has lost
// are not there.
func (f SessionBook) List(account Account, online bool) []Session {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	var all []Session
	for _, sess := range slices.Backward(f.s.order) {
		if sess.direct && !sess.lost && sess.account == account.ID && (sess.lane == laneOnline) == online {
			all = append(all, f.view(sess))
		}
	}
	return all
}

package ledger

// Edit is what a [Move] writes into the entry of an invoice, besides its state. Nil writes nothing.
// Each method returns a longer edit and does not change the edit on which it is called. When a
// field is written twice, the later value counts.
type Edit []change

// change is one field by its name in Redis, which is the redis tag of the field.
type change struct {
	field string
	value any
}

func (e Edit) with(field string, value any) Edit {
	return append(e[:len(e):len(e)], change{field, value})
}

// Because returns an edit that writes the reason and KSeF's code. The code is 0 when the reason is
// not KSeF's.
func Because(code int, reason string) Edit {
	return Edit{{"code", code}, {"reason", reason}}
}

// Reason writes the reason alone and keeps the code.
func (e Edit) Reason(s string) Edit { return e.with("reason", s) }

// InLane writes the lane that the invoice goes by.
func (e Edit) InLane(l Lane) Edit { return e.with("lane", l) }

// InSession writes the session that the invoice is sent in.
func (e Edit) InSession(id string) Edit { return e.with("session", id) }

// OutOfPackage takes the invoice out of its package and of the package's session.
func (e Edit) OutOfPackage() Edit { return e.with("package", "").with("session", "") }

// Reference writes KSeF's id of a single send; "" forgets it.
func (e Edit) Reference(id string) Edit { return e.with("reference", id) }

// Resends writes how often the invoice was sent again. The package internal/settlement counts.
func (e Edit) Resends(n int) Edit { return e.with("resends", n) }

// FailedSessions writes how many online sessions failed with the invoice and gave no verdict.
func (e Edit) FailedSessions(n int) Edit { return e.with("failed_sessions", n) }

// Denied writes when KSeF first answered the invoice with 410 while KSeF accepted nothing of the
// tenant.
func (e Edit) Denied(at Millis) Edit { return e.with("denied", at) }

// Number writes the KSeF number of an accepted invoice.
func (e Edit) Number(s string) Edit { return e.with("ksef_number", s) }

// Mode writes how KSeF marked an accepted invoice: online or offline.
func (e Edit) Mode(s string) Edit { return e.with("mode", s) }

// AcceptedAt writes the acquisition date.
func (e Edit) AcceptedAt(at Millis) Edit { return e.with("accepted_at", at) }

// Recovered writes that the invoice was accepted earlier and found again. It also writes the URL of
// the archived receipt, "" when there is none yet.
func (e Edit) Recovered(upo string) Edit { return e.with("recovered", true).with("upo", upo) }

// HashInKSeF writes the hash of the bytes that KSeF has, when they are not those that were handed
// in.
func (e Edit) HashInKSeF(hash string) Edit { return e.with("hash", hash) }

// OriginalBy writes how the original of a duplicate is known.
func (e Edit) OriginalBy(by string) Edit { return e.with("orig_by", by) }

// OriginalNumber writes the KSeF number of the original; "" when it is not known.
func (e Edit) OriginalNumber(s string) Edit { return e.with("orig_number", s) }

// OriginalSession writes the session of the original; "" when it is not known.
func (e Edit) OriginalSession(id string) Edit { return e.with("orig_session", id) }

// PackageEdit is what a [PackageMove] writes into the entry of a package, besides its state. Its
// methods work like those of [Edit]. When the move is made, it also sets the fields in the
// [Package] that the caller passed to it.
type PackageEdit []packageChange

type packageChange struct {
	change
	apply func(*Package)
}

func (e PackageEdit) with(field string, value any, apply func(*Package)) PackageEdit {
	return append(e[:len(e):len(e)], packageChange{change{field, value}, apply})
}

// Code writes the status code of the session.
func (e PackageEdit) Code(n int) PackageEdit {
	return e.with("code", n, func(p *Package) { p.Code = n })
}

// Reason writes why the package is in its state.
func (e PackageEdit) Reason(s string) PackageEdit {
	return e.with("reason", s, func(p *Package) { p.Reason = s })
}

// Opened writes the session that was opened for the package, when it was opened, and the worker
// that has its key.
func (e PackageEdit) Opened(session, owner string, at Millis) PackageEdit {
	e = e.with("session", session, func(p *Package) { p.Session = session })
	e = e.Owner(owner)
	return e.with("opened_at", at, func(p *Package) { p.OpenedAt = at })
}

// Owner writes the worker that has the session's key; "" leaves the session to any worker.
func (e PackageEdit) Owner(worker string) PackageEdit {
	return e.with("owner", worker, func(p *Package) { p.Owner = worker })
}

// ClosingAt writes when close was first about to be called.
func (e PackageEdit) ClosingAt(at Millis) PackageEdit {
	return e.with("closing_at", at, func(p *Package) { p.ClosingAt = at })
}

// ClosedOver writes when close is about to be called once more.
func (e PackageEdit) ClosedOver(at Millis) PackageEdit {
	return e.with("closed_over", at, func(p *Package) { p.ClosedOver = at })
}

// Unfinished writes whether the session is closed by a process that cannot know whether all parts
// have arrived.
func (e PackageEdit) Unfinished(yes bool) PackageEdit {
	return e.with("unfinished", yes, func(p *Package) { p.Unfinished = yes })
}

// Lost writes since when KSeF says that the session is unknown. 0 means that KSeF knows the
// session.
func (e PackageEdit) Lost(at Millis) PackageEdit {
	return e.with("lost", at, func(p *Package) { p.Lost = at })
}

// Doubt writes since when the session does not account for every invoice.
func (e PackageEdit) Doubt(at Millis) PackageEdit {
	return e.with("doubt", at, func(p *Package) { p.Doubt = at })
}

// Listed writes that the result list of the final session need not be read again.
func (e PackageEdit) Listed() PackageEdit {
	return e.with("listed", true, func(p *Package) { p.Listed = true })
}

// Filed writes whether documents and results are archived while something else, such as a receipt,
// is awaited.
func (e PackageEdit) Filed(yes bool) PackageEdit {
	return e.with("filed", yes, func(p *Package) { p.Filed = yes })
}

// UPO writes the URL of the archived receipt.
func (e PackageEdit) UPO(url string) PackageEdit {
	return e.with("upo", url, func(p *Package) { p.UPO = url })
}

// Refusals writes how many refused sessions count against the invoices of the package.
func (e PackageEdit) Refusals(n int) PackageEdit {
	return e.with("refusals", n, func(p *Package) { p.Refusals = n })
}

// WithoutProbe writes that the package waits for no probe any more.
func (e PackageEdit) WithoutProbe() PackageEdit {
	return e.with("probe", "", func(p *Package) { p.Probe = "" })
}

// SearchAt writes where a pass through KSeF's register goes on. from is the time of an invoice.
// page is the page in the list of invoices from that time on.
func (e PackageEdit) SearchAt(from Millis, page int) PackageEdit {
	e = e.with("search_from", from, func(p *Package) { p.SearchFrom = from })
	return e.with("search_page", page, func(p *Package) { p.SearchPage = page })
}

// SearchFirst writes the time of the invoices at which the search begins.
func (e PackageEdit) SearchFirst(from Millis) PackageEdit {
	return e.with("search_first", from, func(p *Package) { p.SearchFirst = from })
}

// SearchAs writes in which role the register is searched; "" is the seller.
func (e PackageEdit) SearchAs(role string) PackageEdit {
	return e.with("search_as", role, func(p *Package) { p.SearchAs = role })
}

// Searched writes how many pages of the register the search has read so far.
func (e PackageEdit) Searched(pages int) PackageEdit {
	return e.with("searched", pages, func(p *Package) { p.Searched = pages })
}

// Passes writes how often the search came to the end of the register, and when it may begin again.
// If next is 0, it may begin at once.
func (e PackageEdit) Passes(n int, next Millis) PackageEdit {
	e = e.with("passes", n, func(p *Package) { p.Passes = n })
	return e.with("next_pass", next, func(p *Package) { p.NextPass = next })
}

package page

// handlers answer a request. Each part answers the requests about one subject, and embeds the
// visit.
type handlers struct {
	*visit
	*overviews
	*searches
	*single
	*openList
	*decisions
	*daily
	*deliveries
	*auditing
	*logins
}

// The parts. Each has as fields the other parts that it calls. A part calls only parts above it.
type (
	// sayings say what the program and KSeF wrote, in the visitor's language.
	sayings struct{ *visit }
	// wording says things in the visitor's language. The templates use it.
	wording struct {
		*visit
		sayings
	}
	// charting draws figures.
	charting struct {
		*visit
		words *wording
	}
	// listing is what all lists share: the question, the address of older entries, and the refused
	// documents.
	listing struct{ *visit }
	// overviews show how all tenants stand, or one of them.
	overviews struct {
		*visit
		charting *charting
	}
	// buyers find invoices by their buyer.
	buyers struct{ *visit }
	// searches find invoices.
	searches struct {
		*visit
		words   *wording
		listing *listing
		buyers  *buyers
	}
	// single shows one invoice and its files.
	single struct {
		*visit
		words *wording
	}
	// openList lists what needs a person.
	openList struct {
		*visit
		words   *wording
		listing *listing
	}
	// decisions are what a person decides about invoices.
	decisions struct {
		*visit
		single *single
	}
	// daily shows the figures of days, and makes reports.
	daily struct {
		*visit
		listing *listing
	}
	// deliveries show what receivers of results were told, and send results again.
	deliveries struct {
		*visit
		words *wording
	}
	// auditing shows who did what.
	auditing struct{ *visit }
	// logins begin and end sessions.
	logins struct{ *visit }
)

func newWording(v *visit) *wording { return &wording{v, sayings{v}} }

func newHandlers(v *visit) *handlers {
	words, list := newWording(v), &listing{v}
	one := &single{v, words}
	return &handlers{
		visit: v, overviews: &overviews{v, &charting{v, words}}, searches: &searches{v, words, list, &buyers{v}}, single: one,
		openList: &openList{v, words, list}, decisions: &decisions{v, one}, daily: &daily{v, list},
		deliveries: &deliveries{v, words}, auditing: &auditing{v}, logins: &logins{v},
	}
}

package schema

// Table holds the facts of one or more schemas. It is made by package compile and never changes.
type Table struct {
	Spaces   []string // namespaces, to which Name.Space refers; 0 means none
	Roots    []Root
	Complex  []Complex
	Values   []Value
	Patterns []Pattern
}

// Root is a document's outermost element.
type Root struct {
	Space uint8
	Child Child
}

// Ref refers to a type of the table. A positive Ref refers to a Complex, a negative one to a Value,
// and 0 to none.
type Ref int16

// None is the Ref of no type.
const None Ref = 0

// ToComplex returns the Ref of Complex[i].
func ToComplex(i int) Ref { return Ref(i + 1) }

// ToValue returns the Ref of Values[i].
func ToValue(i int) Ref { return Ref(-i - 1) }

// IsValue reports whether r refers to a Value.
func (r Ref) IsValue() bool { return r < 0 }

// IsComplex reports whether r refers to a Complex.
func (r Ref) IsComplex() bool { return r > 0 }

// ComplexOf returns the type that r refers to; r must be positive.
func (t *Table) ComplexOf(r Ref) *Complex { return &t.Complex[r-1] }

// ValueOf returns the type that r refers to; r must be negative.
func (t *Table) ValueOf(r Ref) *Value { return &t.Values[-r-1] }

// Name is the qualified name of a type. The zero Name is that of an anonymous type.
type Name struct {
	Space uint8 // index of Table.Spaces
	Local string
}

// Complex is the type of an element that has child elements or attributes.
type Complex struct {
	Name Name
	// Base is the type that this one extends, or None. A document may name a derived type by
	// xsi:type.
	Base Ref
	// Children are the elements of the content in the order of the schema. The same name occurs
	// once even if the schema has it in several places.
	Children []Child
	// Next is the automaton of the content: Next[s*len(Children)+c] is the state after child c in
	// state s, plus one. 0 means that c is not allowed there. The automaton begins in state 0.
	Next string
	// Final has a 1 for every state in which the content may end.
	Final string
	// Limits holds, for every state, the maximum number of elements in a row that keep the
	// automaton in that state. 0 means that the state has no limit. nil means that all states are
	// without limit.
	Limits []int32
	Attrs  []Attribute
	// Text is the type of the content when it is text, otherwise None.
	Text Ref
}

// Child is an element in the content of another.
type Child struct {
	Name  string // local name; its namespace is the root's
	Type  Ref
	Fixed string // the only value allowed; "" means any
}

// Attribute is an attribute without namespace.
type Attribute struct {
	Name     string
	Type     Ref
	Required bool
	Fixed    string
}

// Kind is the value space in which the values of a type are compared.
type Kind uint8

// The kinds. A value of a Union is valid when it is valid for any of the members.
const (
	Text Kind = iota
	Decimal
	Integer
	Date
	DateTime
	Union
)

// Space says what happens to the white space of a value before anything else is checked.
type Space uint8

// The three ways of XML Schema. Preserve changes nothing. Replace makes every white space character
// a blank. Collapse does the same, then makes one blank of several in a row, and removes the blanks
// at both ends.
const (
	Preserve Space = iota
	Replace
	Collapse
)

// Value is the type of a text.
type Value struct {
	Name Name
	Base Ref // the type that this one restricts, or None
	Kind Kind
	Space
	// MinLength and MaxLength count characters; 0 means no limit.
	MinLength, MaxLength int16
	// Total and Fraction are the maximum numbers of digits, altogether and after the point. 0 means
	// no limit.
	Total, Fraction int16
	Low, High       *Bound
	// Enum holds the allowed values, sorted. Those of Integer are in canonical form and sorted by
	// length. Empty means any.
	Enum []string
	// Patterns are indexes of Table.Patterns; a value must match all of them.
	Patterns []uint8
	Members  []Ref // of a Union
}

// Bound is the smallest or largest value of a type.
type Bound struct {
	Text   string // as the schema has it
	Open   bool   // the bound itself is not allowed
	Number Number // of Decimal and Integer
	Moment Moment // of Date and DateTime
}

// Pattern is a regular expression of the schema as an automaton over classes of characters.
type Pattern struct {
	Source string // for messages
	// ASCII has the class of each character below 128. Wide has the classes of other characters as
	// sorted ranges. Characters that are in none of them have class Other.
	ASCII string
	Wide  []Range
	Other uint8
	// Next[s*Classes+c] is the state after a character of class c in state s, plus one. 0 means
	// that the text does not match. Matching begins in state 0.
	Next    string
	Classes int
	Final   string // a 1 for every state in which the value may end
}

// Range is a range of characters, both ends inclusive, that belong to one class.
type Range struct {
	From, To rune
	Class    uint8
}

// MaxDepth is the greatest depth of elements in a table; package compile refuses a deeper schema.
const MaxDepth = 15

// Forms returns the table of FA(3) and FA(2).
func Forms() *Table { return &forms }

package bundle

// SetMaxJoined sets the size of joined indexes, which otherwise only tens of thousands of invoices
// reach.
func (s *Store) SetMaxJoined(n int) { s.joined = n }

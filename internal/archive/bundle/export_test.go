package bundle

// SetMaxJoined sets the size that a joined index may have. Only tens of thousands of invoices reach
// the usual size.
func (s *Store) SetMaxJoined(n int) { s.joined = n }

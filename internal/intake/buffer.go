package intake

// buffer is memory for the documents of one chunk, used again for the next chunk. When each
// document had memory of its own, the garbage collector took a tenth of the time of an export. A
// nil buffer gives each document memory of its own.
type buffer struct{ free, all []byte }

// bufferBytes is enough for a chunk of ordinary documents. A document gets memory of its own when
// it is larger than a sixteenth of the buffer, or larger than what is left of the buffer.
const bufferBytes = 1 << 20

func (b *buffer) take(n int64) []byte {
	if b == nil || n > bufferBytes/16 {
		return make([]byte, n)
	}
	if b.all == nil {
		b.all = make([]byte, bufferBytes)
		b.free = b.all
	}
	if n > int64(len(b.free)) {
		return make([]byte, n)
	}
	var piece []byte
	piece, b.free = b.free[:n:n], b.free[n:]
	return piece
}

// clear makes the whole buffer free again. Nothing that was taken from it may still be in use.
func (b *buffer) clear() { b.free = b.all }

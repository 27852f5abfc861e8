package httpintake

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// A body of up to inMemory bytes is kept in memory. A larger one is in a file while it is read,
// unless it announces at most roomyInMemory bytes and there is room: the bodies that need room have
// roomInMemory bytes together. So the number of calls bounds the memory that a server needs,
// whatever the calls send.
const (
	inMemory      = 256 << 10
	roomyInMemory = 4 << 20
	roomInMemory  = 64 << 20
)

// body is the whole body of a call.
type body struct {
	at   io.ReaderAt
	size int64
	sum  [sha256.Size]byte
	mem  []byte   // nil when it is in a file
	file *os.File // nil when it is in memory
	room func()   // gives the room of the body back; nil when it took none
}

func (b *body) reader() io.Reader { return io.NewSectionReader(b.at, 0, b.size) }

func (b *body) close() {
	if b.room != nil {
		b.room()
	}
	if b.file != nil {
		_ = b.file.Close() // the file was removed already, so nothing stays
	}
}

// readBody reads the body of a call.
func (br *bodyReader) readBody(c *call) (*body, error) {
	limit := br.o.Limits.Body
	over := &problem{kind: tooLarge, detail: text{
		en: "a body may have " + bytesText(limit) + "; hand the invoices in with several calls",
		pl: "treść może mieć " + bytesText(limit) + "; przekaż faktury kilkoma wywołaniami"}}
	if c.r.ContentLength > limit {
		c.w.Header().Set("Connection", "close")
		return nil, over
	}
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, &problem{kind: unsupported, detail: text{
			en: "a body with Content-Encoding is not taken; to send less, send a ZIP archive",
			pl: "treść z Content-Encoding nie jest przyjmowana; aby wysłać mniej, wyślij archiwum ZIP"}}
	}
	paced := &pacedReader{from: http.MaxBytesReader(c.w, c.r.Body, limit), control: http.NewResponseController(c.w),
		start: time.Now(), period: br.o.Limits.BodyPeriod}
	hash := sha256.New()
	most, room := br.inMemory(c.r.ContentLength)
	b, err := spool(br.o.Limits.TempDir, io.TeeReader(paced, hash), c.r.ContentLength, most)
	if err == nil {
		b.room = room
		hash.Sum(b.sum[:0])
		c.unhurried()
		return b, nil
	}
	if room != nil {
		room()
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, over
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, tooSlow(c)
	}
	if _, local := errors.AsType[*os.PathError](err); local {
		return nil, &problem{kind: unavailable, after: time.Minute, cause: err, detail: text{
			en: "the body could not be kept while it is read; nothing was taken, call again",
			pl: "nie można przechować treści na czas odczytu; nic nie przyjęto, wywołaj ponownie"}}
	}
	return nil, bad("the body could not be read to its end; nothing was taken",
		"nie udało się odczytać treści do końca; nic nie przyjęto")
}

// tooSlow returns the answer to a caller whose body does not arrive. The rest of the body is not
// read.
func tooSlow(c *call) error {
	c.w.Header().Set("Connection", "close")
	return &problem{kind: slow, detail: text{en: "nothing was taken, call again", pl: "nic nie przyjęto, wywołaj ponownie"}}
}

// inMemory returns how many bytes of a body with this announced size are kept in memory. If the
// body takes room for that, done gives the room back; otherwise done is nil.
func (br *bodyReader) inMemory(announced int64) (most int64, done func()) {
	if announced <= inMemory || announced > roomyInMemory || !br.room.TryAcquire(announced) {
		return inMemory, nil
	}
	return announced, func() { br.room.Release(announced) }
}

// spool reads into memory, or into a file in dir when the body has more than most bytes.
func spool(dir string, from io.Reader, announced, most int64) (*body, error) {
	size := int64(16 << 10)
	if announced > 0 {
		size = min(announced, most)
	}
	// A buffer that has no room for one more read at the end of the body would be copied into a
	// larger one.
	head := bytes.NewBuffer(make([]byte, 0, size+1+bytes.MinRead))
	n, err := io.CopyN(head, from, most+1)
	if err == io.EOF {
		return &body{at: bytes.NewReader(head.Bytes()), size: n, mem: head.Bytes()}, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "intake-*") // readable by this user only
	if err != nil {
		return nil, err
	}
	b := &body{at: f, file: f}
	// Invoices must not stay on this disk, whatever happens to this process.
	if err := os.Remove(f.Name()); err != nil {
		b.close()
		return nil, err
	}
	if b.size, err = io.Copy(f, io.MultiReader(head, from)); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// minRate is how many bytes of a body have to arrive in a second, on average and after the first
// seconds. A caller that sends one byte now and then would otherwise hold its place for hours.
const minRate = 64 << 10

// pacedReader ends the connection of a caller that sends too slowly.
type pacedReader struct {
	from    io.Reader
	control *http.ResponseController
	start   time.Time
	period  time.Duration
	n       int64
}

// Read implements [io.Reader].
func (p *pacedReader) Read(to []byte) (int, error) {
	allowed := p.period + time.Duration(p.n)*time.Second/minRate
	_ = p.control.SetReadDeadline(p.start.Add(allowed)) // fails where the connection has no deadlines
	n, err := p.from.Read(to)
	p.n += int64(n)
	return n, err
}

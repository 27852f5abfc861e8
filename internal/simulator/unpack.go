package simulator

import (
	"archive/zip"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ksefworker/internal/simulator/fa"
)

// maxUnpacked limits the size in bytes of all files of a package together, so that a ZIP bomb is
// refused early.
const maxUnpacked = 5_000_000_000

// unpackSession does what KSeF does with a closed batch session, up to the inspection of its
// invoices. It runs without mu, because a closed session gets no more parts.
func (u *unpacker) unpackSession(sess *session) packageResult {
	files, f := u.declaredParts(sess)
	if f.code != 0 {
		return f
	}
	if sess.key == nil {
		return packageResult{code: 415}
	}
	whole, err := os.CreateTemp(u.dir, "package-")
	if err != nil {
		return u.broken(err)
	}
	defer func() {
		_ = whole.Close()
		_ = os.Remove(whole.Name())
	}()
	hash := sha256.New()
	size := int64(0)
	for i, name := range files {
		n, err := decryptFile(io.MultiWriter(whole, hash), name, sess.key, sess.iv)
		switch {
		case errors.Is(err, errBlocks) || errors.Is(err, errPadding):
			return packageResult{code: 435, details: fmt.Sprintf("part %d: %v", i+1, err)}
		case err != nil:
			return u.broken(err)
		case n > maxPart:
			return packageResult{code: 405, details: fmt.Sprintf("part %d has %d bytes before encryption", i+1, n)}
		}
		size += n
	}
	if size != sess.batch.Size || string(hash.Sum(nil)) != string(sess.batch.Hash) {
		return packageResult{code: 405, details: "batchSize or batchHash is not that of the package"}
	}
	if sess.tarGz {
		return u.readTar(whole, sess.form, sess.opened, u.opts.maxInvoicesOf(sess.context))
	}
	return u.readPackage(whole, size, sess.form, sess.opened, u.opts.maxInvoicesOf(sess.context))
}

// declaredParts compares what was uploaded with what was declared, and returns the files of the
// parts in their order.
func (u *unpacker) declaredParts(sess *session) ([]string, packageResult) {
	u.mu.Lock()
	defer u.mu.Unlock()
	files := make([]string, len(sess.batch.Parts))
	for _, declared := range sess.batch.Parts {
		p := sess.parts[int(declared.Ordinal)]
		switch {
		case p == nil:
			return nil, packageResult{code: 405, details: fmt.Sprintf("part %d did not come", declared.Ordinal)}
		case p.size != declared.Size || string(p.hash[:]) != string(declared.Hash):
			details := fmt.Sprintf("part %d: partSize or partHash is not that of the upload", declared.Ordinal)
			return nil, packageResult{code: 405, details: details}
		}
		files[declared.Ordinal-1] = p.file
	}
	return files, packageResult{}
}

// broken logs err and returns the result for a failure of the simulator itself.
func (u *unpacker) broken(err error) packageResult {
	u.log.Error().Err(err).Msg("package not processed")
	return packageResult{code: 500}
}

// decryptFile streams one part, so that a part of 100 MB needs little memory. It returns the
// decrypted size.
func decryptFile(to io.Writer, name string, key, iv []byte) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	block, err := aes.NewCipher(key)
	if err != nil {
		return 0, err
	}
	cbc := cipher.NewCBCDecrypter(block, iv)
	var total int64
	buf := make([]byte, 256<<10)
	held := make([]byte, 0, aes.BlockSize) // the last block so far, which may hold the padding
	for {
		n, err := io.ReadFull(f, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return total, err
		}
		if n%aes.BlockSize != 0 || last && n == 0 && len(held) == 0 {
			return total, errBlocks
		}
		if n > 0 {
			cbc.CryptBlocks(buf[:n], buf[:n])
			if _, err := to.Write(held); err != nil {
				return total, err
			}
			total += int64(len(held))
			if _, err := to.Write(buf[:n-aes.BlockSize]); err != nil {
				return total, err
			}
			total += int64(n - aes.BlockSize)
			held = append(held[:0], buf[n-aes.BlockSize:n]...)
		}
		if last {
			tail, err := unpad(held)
			if err != nil {
				return total, err
			}
			_, err = to.Write(tail)
			return total + int64(len(tail)), err
		}
	}
}

// readPackage opens the ZIP and inspects each invoice in it, on all cores.
func (u *unpacker) readPackage(archive io.ReaderAt, size int64, f *fa.Form, acceptance time.Time, maxFiles int) packageResult {
	z, err := zip.NewReader(archive, size)
	if err != nil {
		return packageResult{code: 430, details: "not a ZIP archive"}
	}
	if len(z.File) > maxFiles {
		return packageResult{code: 420, details: fmt.Sprintf("%d files, %d are allowed", len(z.File), maxFiles)}
	}
	names := map[string]bool{}
	for _, file := range z.File {
		if reason := badEntry(file.Name, file.Mode()); reason != "" || names[file.Name] {
			return packageResult{code: 430, details: cmp.Or(reason, "two files of one name")}
		}
		names[file.Name] = true
	}
	read := make([]reading, len(z.File))
	var next, unpacked atomic.Int64
	var corrupt atomic.Bool
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(z.File)) || corrupt.Load() || u.isStopped() {
					return
				}
				content, large, err := unzip(z.File[i], u.opts.maxDocument())
				if err != nil || unpacked.Add(int64(len(content))) > maxUnpacked {
					corrupt.Store(true)
					return
				}
				read[i] = u.readFile(z.File[i].Name, content, large, f, acceptance)
			}
		})
	}
	workers.Wait()
	if corrupt.Load() {
		return packageResult{code: 430, details: "a file of the archive is corrupt or the archive unpacks to too much"}
	}
	return packageResult{read: read}
}

// readFile inspects one file of a package. large says that content is only the beginning of the
// file, which is too large.
func (u *unpacker) readFile(name string, content []byte, large bool, f *fa.Form, acceptance time.Time) reading {
	var r reading
	if large {
		details := fmt.Sprintf("the document has more than %d bytes", u.opts.maxDocument())
		r = reading{code: 430, details: details, hash: sha256.Sum256(content)}
	} else {
		r = u.read(content, f, laneBatch, acceptance)
	}
	r.file = name
	return r
}

// badEntry returns why a file is not allowed in a package, "" when it is. A package has XML files
// only, and no folders.
func badEntry(name string, mode fs.FileMode) string {
	switch {
	case strings.ContainsAny(name, `/\`) || strings.Contains(name, ".."):
		return "a file with a path in its name"
	case !mode.IsRegular():
		return "an entry that is not a file"
	case !strings.HasSuffix(strings.ToLower(name), ".xml") || len(name) == len(".xml"):
		return "a file that is not *.xml"
	}
	return ""
}

// unzip reads one file up to limit bytes. large says that the file has more than limit bytes.
func unzip(f *zip.File, limit int) (content []byte, large bool, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = r.Close() }()
	// The declared size is only a hint, because a ZIP bomb declares a wrong one.
	content = make([]byte, 0, min(f.UncompressedSize64, uint64(limit))+512)
	for len(content) <= limit {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if errors.Is(err, io.EOF) {
			return content, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return content, true, nil
}

func (c *core) isStopped() bool {
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

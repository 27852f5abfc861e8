package ledger

import (
	_ "embed" // the dictionaries are files
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Documents are compressed with a dictionary, because the names of elements are a third of an
// invoice. A dictionary must never change, because a stored document can be opened only with the
// dictionary with which it was compressed. A better dictionary would get new layouts.
//
// The sizes below were measured on real invoices of many programs, scaled to 8 KB. The times are
// for one core in November 2026. The first dictionary is six invoices of internal/sample, each of a
// different kind. With it, S2 makes 2.2 KB in 7 µs. The second dictionary is a zstd dictionary. It
// contains the elements of FA(3) in the order of the schema, sample invoices, and the first
// dictionary. The sample invoices are written as programs write them: indented by tabs, indented by
// spaces, with CRLF, in one line. The tables of the dictionary are made from sample invoices. With
// the content of the second dictionary, S2 makes 2.0 KB in the same time. With the second
// dictionary itself, zstd makes 1.5 KB in 30 µs. Of these 30 µs, 20 are for preparing the
// dictionary again, whatever the size of the document. So small documents, where zstd would save
// 200 bytes, are compressed with S2. While the ledger is written in a format before [FormatPacked],
// documents are compressed with the first dictionary.
//
//go:embed invoices.dict
var invoicesDict []byte

//go:embed documents.dict
var documentsDict []byte

// zstdFrom is the size in bytes from which a document is compressed with zstd.
const zstdFrom = 4 << 10

// codec compresses documents. Encode writes behind the end of dst. Decode uses the memory of dst if
// that is large enough; the content of dst is lost.
type codec struct {
	plain, encrypted byte // the layouts of what it encodes
	encode           func(dst, document []byte) []byte
	decode           func(dst, packed []byte) ([]byte, error)
}

// documentCodecs are all codecs that documents were ever compressed with. The first codec is for
// texts, too. Codecs are safe for concurrent use.
var documentCodecs = []codec{
	{sealedPlain, sealedEncrypted, func(dst, doc []byte) []byte { return append(dst, s2.Encode(free(dst), doc)...) },
		bounded(s2.Decode)},
	s2Codec(sealedPlainDict, sealedEncryptedDict, func() []byte { return invoicesDict }),
	s2Codec(sealedPlainDict2, sealedEncryptedDict2, secondContent),
	zstdCodec(),
}

const (
	textCodec = iota
	firstCodec
	smallCodec
	largeCodec
)

// free returns the unused memory behind the end of dst. Some encoders write to the start of the
// memory that they are given, and return that memory. Appending the result to dst then moves no
// byte, because the result already is there.
func free(dst []byte) []byte { return dst[len(dst):cap(dst)] }

func s2Codec(plain, encrypted byte, content func() []byte) codec {
	dict := sync.OnceValue(func() *s2.Dict { return s2.MakeDict(content(), []byte("<Faktura")) })
	return codec{plain, encrypted, func(dst, doc []byte) []byte { return append(dst, dict().Encode(free(dst), doc)...) },
		bounded(func(dst, packed []byte) ([]byte, error) { return dict().Decode(dst, packed) })}
}

// bounded refuses a document whose stored length is above maxOpened, because a damaged length could
// ask for 4 GB of memory.
func bounded(decode func(dst, packed []byte) ([]byte, error)) func(dst, packed []byte) ([]byte, error) {
	return func(dst, packed []byte) ([]byte, error) {
		if n, err := s2.DecodedLen(packed); err == nil && n > maxOpened {
			return nil, fmt.Errorf("stored document says that it has %d bytes", n)
		}
		return decode(dst, packed)
	}
}

// secondContent returns the content of the second dictionary. It panics if the file is not a
// dictionary, because then the build is wrong.
func secondContent() []byte {
	d, err := zstd.InspectDictionary(documentsDict)
	if err != nil {
		panic(err)
	}
	return d.Content()
}

func zstdCodec() codec {
	encoder := sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderDict(documentsDict),
			zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false),
			zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
		if err != nil {
			panic(err) // the build is wrong
		}
		return e
	})
	decoder := sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderDicts(documentsDict), zstd.WithDecoderMaxMemory(maxOpened),
			zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err)
		}
		return d
	})
	return codec{sealedPlainZstd, sealedEncryptedZstd, func(dst, doc []byte) []byte { return encoder().EncodeAll(doc, dst) },
		func(dst, packed []byte) ([]byte, error) { return decoder().DecodeAll(packed, dst[:0]) }}
}

package ksef_test

import (
	"bytes"
	"fmt"

	"ksefworker/internal/ksef"
)

func ExampleSessionKey_Encrypter() {
	key := must(ksef.NewSessionKey())
	var sealed bytes.Buffer
	w := key.Encrypter(&sealed)
	must(w.Write([]byte("the first half, ")))
	must(w.Write([]byte("the second half")))
	if err := w.Close(); err != nil { // writes the padding
		fmt.Println(err)
		return
	}
	plain, err := key.Decrypt(sealed.Bytes())
	fmt.Println(sealed.Len(), string(plain), err)
	// Output: 32 the first half, the second half <nil>
}

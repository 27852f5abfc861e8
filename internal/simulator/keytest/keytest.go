// Package keytest keeps RSA keys for tests. It is no part of any program.
package keytest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// made are the keys of this process by their size, in the order in which they were made. This
// package-level variable is shared by all tests on purpose. That is safe, because nothing changes a
// key. It saves time, because making a key of 2048 bits takes longer than most of the tests that
// need one, and several times as long under the race detector.
var made = struct {
	sync.Mutex
	keys map[int][]*rsa.PrivateKey
}{keys: map[int][]*rsa.PrivateKey{}}

// Sequence returns a source of keys for one simulator. The keys of one source all differ. Other
// sources return the same keys in the same order. A source is safe for concurrent use.
func Sequence() func(bits int) (*rsa.PrivateKey, error) {
	used := map[int]int{} // guarded by made
	return func(bits int) (*rsa.PrivateKey, error) {
		made.Lock()
		defer made.Unlock()
		if used[bits] == len(made.keys[bits]) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				return nil, err
			}
			made.keys[bits] = append(made.keys[bits], key)
		}
		used[bits]++
		return made.keys[bits][used[bits]-1], nil
	}
}

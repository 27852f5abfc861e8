package enrol

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"ksefworker/internal/ksef/direct"
)

// tokenTimeout is how long KSeF may take until a new token works.
const tokenTimeout = time.Minute

// CreateToken makes a token and writes it to a new file, because KSeF shows a token only once. The
// file must not exist before. CreateToken waits up to a minute until the token works. The reference
// is needed to revoke the token.
func CreateToken(ctx context.Context, a direct.Account, permissions []string, description, path string) (reference string, err error) {
	// The file comes first, because a token that cannot be kept must not be made.
	if err := create(path, nil, 0o600); err != nil {
		return "", err
	}
	made, err := a.CreateToken(ctx, permissions, description)
	if err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	if err := os.WriteFile(path, []byte(made.Token.Reveal()+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("the token %s could not be written to its file: revoke it: %w", made.ReferenceNumber, err)
	}
	return made.ReferenceNumber, awaitActive(ctx, a, made.ReferenceNumber)
}

func awaitActive(ctx context.Context, a direct.Account, reference string) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	for {
		info, err := a.TokenStatus(ctx, reference)
		switch {
		case err != nil:
			return fmt.Errorf("the token %s was made, but its status is not known: %w", reference, err)
		case info.Status == direct.TokenActive:
			return nil
		case info.Status != direct.TokenPending:
			return fmt.Errorf("the token %s is %s: %s", reference, info.Status, info.StatusDetails)
		}
		t := time.NewTimer(time.Second)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("the token %s is still %s; it works as soon as it is %s", reference, info.Status, direct.TokenActive)
		}
	}
}

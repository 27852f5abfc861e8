package archive

import (
	"context"
	"slices"
	"strings"
)

// Empty reports whether an archive has neither an owner nor the folder of any seller. Such an
// archive was never used, or it is the empty folder on which the archive's share is not mounted.
func (s *OwnedStore) Empty(ctx context.Context) (bool, error) {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return false, err
	}
	if known, _ := s.answer(renewalsOf(s.Store)); known {
		return false, nil
	}
	names, err := ListIn(ctx, s.Store, "")
	return err == nil && !slices.ContainsFunc(names, ofSeller), err
}

// ofSeller reports whether a name in an archive is the folder of a seller's NIP.
func ofSeller(name string) bool {
	nip, isFolder := strings.CutSuffix(name, "/")
	return isFolder && len(nip) == 10 && strings.Trim(nip, "0123456789") == ""
}

package oidc_test

import (
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/oidc"
)

func TestPerson_Claims_AreReadAsConfigured(t *testing.T) {
	type c = map[string]any
	for name, test := range map[string]struct {
		claims              c
		nameClaim, groups   string
		wantName, wantGroup string
		want                oidc.Reason // "": no error
	}{
		"the default claims":         {c{"preferred_username": "ewa", "email": "e", "groups": []any{"a"}}, "", "groups", "ewa", "a", ""},
		"an e-mail and no name":      {c{"email": "e@example.com", "groups": "a"}, "", "groups", "e@example.com", "a", ""},
		"an unverified e-mail":       {c{"email": "e@example.com", "email_verified": false, "groups": "a"}, "", "groups", "1", "a", ""},
		"neither name nor e-mail":    {c{"groups": []string{}}, "", "groups", "1", "", ""},
		"a configured name claim":    {c{"upn": "Ewa Żak", "preferred_username": "x", "groups": "a"}, "upn", "groups", "Ewa Żak", "a", ""},
		"a configured claim missing": {c{"preferred_username": "x", "groups": "a"}, "upn", "groups", "", "", oidc.Setup},
		"a name with an escape":      {c{"preferred_username": "\x1b[31mewa", "groups": "a"}, "", "groups", "1", "a", ""},
		"a name that runs backwards": {c{"preferred_username": "ewa\u202eimda", "groups": "a"}, "", "groups", "1", "a", ""},
		"a name of 64 KB":            {c{"preferred_username": strings.Repeat("e", 1<<16), "groups": "a"}, "", "groups", "1", "a", ""},
		"groups in a path":           {c{"realm_access": c{"roles": []string{"r"}}}, "", "realm_access.roles", "1", "r", ""},
		"groups under an address":    {c{"https://example.com/groups": []string{"r"}}, "", "https://example.com/groups", "1", "r", ""},
		"a path that leads nowhere":  {c{"realm_access": "x"}, "", "realm_access.roles", "1", "", ""},
		"groups that are numbers":    {c{"groups": []any{"a", 1}}, "", "groups", "", "", oidc.Setup},
		"groups that are an object":  {c{"groups": c{"a": true}}, "", "groups", "", "", oidc.Setup},
	} {
		w := newWorld(t, func(o *oidc.Options) { o.NameClaim, o.GroupsClaim = test.nameClaim, test.groups })
		w.op.Claims = test.claims
		w.op.Claims["sub"] = "1"
		who, err := w.login()
		if test.want != "" {
			w.refused(name, err, test.want)
			continue
		}
		if err != nil || who.Name != test.wantName || strings.Join(who.Groups, " ") != test.wantGroup {
			t.Errorf("%s: the person is %+v (error %v), want the name %q and the group %q", name, who, err, test.wantName, test.wantGroup)
		}
	}
}

// Many providers keep the ID token small and tell the groups at the UserInfo endpoint only.
func TestPerson_GroupsAtTheUserInfoEndpoint_AreAskedFor(t *testing.T) {
	w := newWorld(t, nil)
	w.op.Claims = map[string]any{"sub": "1234", "preferred_username": "ewa"}
	w.op.UserInfo = map[string]any{"sub": "1234", "groups": []string{"a"}, "preferred_username": "another", "iss": "another"}
	who, err := w.login()
	if err != nil || !slices.Equal(who.Groups, []string{"a"}) || who.Name != "ewa" {
		t.Errorf("the person is %+v (error %v), want ewa with the groups of UserInfo", who, err)
	}
	w.op.UserInfo["sub"] = "another"
	_, err = w.login()
	w.wantReason(err, oidc.Untrusted)
	w.op.UserInfo["sub"] = "1234"
	w.op.Change = func(c map[string]any) { c["at_hash"] = "of another token" }
	_, err = w.login()
	w.wantReason(err, oidc.Untrusted)
	w.op.Change = nil
	w.op.UserInfo = map[string]any{"sub": "1234"}
	if who, err = w.login(); err != nil || who.Told {
		t.Errorf("without groups in the ID token and UserInfo the person is %+v (error %v), want Told to be false", who, err)
	}
}

package config

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestTenantKey_RotatedFile_IsReadAgain(t *testing.T) {
	path := writeFile(t, "key", "first\n")
	tenant := Tenant{NIP: "5265877635", KeyFile: path}
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(path, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := tenant.Key()
		if err != nil || got != want {
			t.Errorf("the key is %q (error %v), want %q", got, err, want)
		}
	}
}

func TestTenantKey_FileContents_AreTrimmedOrRefused(t *testing.T) {
	cases := []struct{ why, content, want, says string }{
		{"one newline is removed", "k3y\n", "k3y", ""},
		{"one Windows newline is removed", "k3y\r\n", "k3y", ""},
		{"no newline is fine", "k3y", "k3y", ""},
		{"spaces are part of the key", " k3y \n", " k3y ", ""},
		{"two lines are not a key", "geheim\n\n", "", "more than one line"},
		{"an empty line is named", "geheim\r\n\r\n", "", "an empty line comes before or after"},
		{"an empty line before is named", "\ngeheim\n", "", "an empty line comes before or after"},
		{"a second line is not called empty", "geheim\ngeheim\n\n", "", "more than one line or a control character"},
		{"a BOM is named", "\xef\xbb\xbfgeheim\r\n", "", "begins with a byte order mark (BOM)"},
		{"UTF-16 is named", "\xff\xfeg\x00e\x00", "", "begins with a byte order mark (BOM)"},
		{"an empty file is refused", "", "", "is empty"},
		{"a single newline is empty", "\n", "", "is empty"},
		{"a binary file is not a key", "geheim\x00", "", "control character"},
		{"a large file is not a key", strings.Repeat("geheim", 20_000), "", "larger than 64 KiB"},
	}
	for _, tc := range cases {
		t.Run(tc.why, func(t *testing.T) {
			path := writeFile(t, "key", tc.content)
			got, err := Tenant{NIP: "5265877635", KeyFile: path}.Key()
			if tc.says == "" {
				if err != nil || got != tc.want {
					t.Errorf("the key is %q (error %v), want %q", got, err, tc.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), path) {
				t.Fatalf("the error is %v, want it to name %s and to say %q", err, path, tc.says)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the error shows the content: %v", err)
			}
		})
	}
}

func TestTenantKey_MissingFile_SaysWhatToDo(t *testing.T) {
	_, err := Tenant{NIP: "5265877635", KeyFile: "/nonexistent/key"}.Key()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "create it or correct the path") {
		t.Errorf("a missing key file: the error is %v, want fs.ErrNotExist and what to do", err)
	}
	_, err = Tenant{NIP: "5265877635"}.Key()
	if err == nil || !strings.Contains(err.Error(), "KSEF_KEY_FILE_5265877635") {
		t.Errorf("no key file is set: the error is %v, want it to name the variable to set", err)
	}
}

func TestTenantKey_FileWritableByEveryone_IsRefused(t *testing.T) {
	path := writeFile(t, "key", "k3y")
	for mode, refused := range map[os.FileMode]bool{0o666: true, 0o602: true, 0o644: false, 0o444: false, 0o400: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Tenant{KeyFile: path}.Key()
		if (err != nil) != refused {
			t.Errorf("a file with mode %o: the error is %v, want the file refused: %v", mode, err, refused)
		}
	}
}

func TestStorageKey_ThreeForms_GiveTheSameBytes(t *testing.T) {
	// The last byte is a newline, to test that a raw key is not trimmed.
	key := append([]byte("0123456789abcdef0123456789abcde"), '\n')
	for why, content := range map[string]string{
		"raw": string(key), "raw with a newline after it": string(key) + "\n", "hex": hex.EncodeToString(key) + "\n",
		"Base64": base64.StdEncoding.EncodeToString(key) + "\n", "Base64 without padding": base64.RawStdEncoding.EncodeToString(key),
	} {
		keys, err := Storage{KeyFile: Files{writeFile(t, "key", content)}}.Keys()
		if why == "raw with a newline after it" {
			// 33 bytes are ambiguous, and a wrong guess could lose every stored invoice.
			if err == nil {
				t.Errorf("%s was accepted as a storage key", why)
			}
			continue
		}
		if err != nil || len(keys) != 1 || string(keys[0]) != string(key) {
			t.Errorf("%s: the keys are %q (error %v), want one with the same bytes", why, keys, err)
		}
	}
	if got, err := (Storage{}).Keys(); got != nil || err != nil {
		t.Errorf("without key_file the keys are %q (error %v), want none", got, err)
	}
	_, err := Storage{KeyFile: Files{writeFile(t, "key", "geheim")}}.Keys()
	if err == nil || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("a key that is too short: the error is %v, want it to suggest openssl rand, without the key", err)
	}
}

func TestRedisConn_Passwords_NeverPrint(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal), []string{"REDIS_URL=rediss://app:hunter2@redis.example/3"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.Redis.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if conn.Password != "hunter2" || conn.Username != "app" || conn.Addr != "redis.example:6379" ||
		conn.DB != 3 || conn.TLS == nil {
		t.Errorf("the connection has user %q, password %q, address %q, database %d and TLS %v, want the parts of REDIS_URL, and TLS",
			conn.Username, conn.Password, conn.Addr, conn.DB, conn.TLS != nil)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%v %+v %#v %s", conn, conn, conn, conn), string(asJSON),
	} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("the password is visible: %s", shown)
		}
	}
}

func TestRedisConn_PasswordFileAndSentinel_AreRead(t *testing.T) {
	r := Redis{
		URL: "redis://ignored/5", Username: "app", PasswordFile: writeFile(t, "p", "one\n"),
		Sentinel: Sentinel{Master: "m", Addrs: []string{"a:1"}, Username: "w", PasswordFile: writeFile(t, "s", "two\n")},
	}
	c, err := r.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if c.Master != "m" || c.DB != 5 || c.Username != "app" || c.Password != "one" ||
		c.SentinelUsername != "w" || c.SentinelPassword != "two" || c.TLS != nil {
		t.Errorf("the connection is %v with the logins %s/%s and %s/%s, want the settings, and the passwords of the two files",
			c, c.Username, c.Password, c.SentinelUsername, c.SentinelPassword)
	}
	r.PasswordFile = "/nonexistent"
	if _, err := r.Conn(); err == nil || !strings.Contains(err.Error(), "redis.password_file") {
		t.Errorf("a missing password file: the error is %v, want it to name redis.password_file", err)
	}
}

func TestRedisURL_AllForms_AreReadOrRefused(t *testing.T) {
	for raw, want := range map[string]RedisConn{
		"redis://h":                   {Network: "tcp", Addr: "h:6379"},
		"redis://[::1]:7/2":           {Network: "tcp", Addr: "[::1]:7", DB: 2},
		"unix:///run/redis.sock?db=4": {Network: "unix", Addr: "/run/redis.sock", DB: 4},
	} {
		got, err := parseRedisURL(raw)
		if err != nil || got.Network != want.Network || got.Addr != want.Addr || got.DB != want.DB {
			t.Errorf("the URL %s is read as network %s, address %s, database %d (error %v), want %s, %s, %d",
				raw, got.Network, got.Addr, got.DB, err, want.Network, want.Addr, want.DB)
		}
	}
	for _, raw := range []string{"", "h:6379", "redis://", "redis://h/x", "redis://h/-1", "unix://h/p", "redis://h#f"} {
		if _, err := parseRedisURL(raw); err == nil {
			t.Errorf("the URL %q was accepted", raw)
		}
	}
}

func TestRedisTLS_WrongFiles_NameTheKey(t *testing.T) {
	junk := writeFile(t, "junk.pem", "no certificate")
	for want, c := range map[string]RedisTLS{
		"redis.tls.ca_file":   {Enabled: true, CAFile: junk},
		"redis.tls.cert_file": {Enabled: true, CertFile: junk, KeyFile: junk},
	} {
		if _, err := (Redis{URL: "redis://h", TLS: c}).Conn(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want it to name %s", err, want)
		}
	}
}

func TestLogin_PlainAndBcrypt_AcceptOnlyTheCorrectPair(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for why, content := range map[string]string{
		"plain": "s3cret\n", "bcrypt": string(hash) + "\n", "a line of htpasswd": "admin:" + string(hash) + "\n",
	} {
		check, err := Dashboard{Username: "admin", PasswordFile: writeFile(t, "p", content)}.Login()
		if err != nil {
			t.Fatalf("%s: the password file is refused: %v", why, err)
		}
		for _, tc := range []struct {
			user, password string
			want           bool
		}{
			{"admin", "s3cret", true}, {"admin", "s3cret", true}, {"admin", "wrong", false},
			{"root", "s3cret", false}, {"", "", false}, {"admins", "3cret", false},
		} {
			if got := check(tc.user, tc.password); got != tc.want {
				t.Errorf("%s: the login %s/%s is accepted: %v, want %v", why, tc.user, tc.password, got, tc.want)
			}
		}
	}
	if check, err := (Dashboard{}).Login(); check != nil || err != nil {
		t.Errorf("no login is set, and Login returns a check: %v, and the error %v, want neither", check != nil, err)
	}
	_, err = Dashboard{Username: "a", PasswordFile: writeFile(t, "p", "$2y$junk")}.Login()
	if err == nil || !strings.Contains(err.Error(), "htpasswd") {
		t.Errorf("a broken bcrypt hash: the error is %v, want it to suggest htpasswd", err)
	}
}

func TestCheckFiles_EveryMissingFile_IsReported(t *testing.T) {
	c := Default()
	c.Tenants = []Tenant{{NIP: "5265877635", KeyFile: "/nonexistent/1"}, {NIP: "1111111111", KeyFile: "/nonexistent/2"}}
	c.Redis.PasswordFile = "/nonexistent/3"
	c.Archive.AccessKeyFile, c.Archive.SecretKeyFile = "/nonexistent/4", "/nonexistent/4"
	c.Storage.KeyFile = Files{"/nonexistent/5"}
	c.HTTP.Dashboard.Username, c.HTTP.Dashboard.PasswordFile = "a", "/nonexistent/6"
	err := c.CheckFiles()
	for i := 1; i <= 6; i++ {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("/nonexistent/%d", i)) {
			t.Errorf("file %d is not reported in: %v", i, err)
		}
	}
	c = Default()
	c.Tenants = []Tenant{{NIP: "5265877635", KeyFile: writeFile(t, "k", "k")}}
	if err := c.CheckFiles(); err != nil {
		t.Errorf("all files are there, but the check says: %v", err)
	}
}

// When the configuration gets a new setting for a secret file, OpenSecrets must look at that file,
// too.
func TestOpenSecrets_EverySecretFileOfTheConfiguration_IsLookedAt(t *testing.T) {
	c := Config{Tenants: []Tenant{{}}, Results: Results{Webhooks: []Webhook{{}}}}
	c.HTTP.Users, c.Intake.Clients, c.Results.Databases = []User{{}}, []IntakeClient{{}}, []DatabaseReceiver{{}}
	files := map[string]string{} // path by setting
	open := func(setting string) string {
		path := writeFile(t, fmt.Sprint("open", len(files)), "x")
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		files[setting] = path
		return path
	}
	var fill func(at string, v reflect.Value)
	fill = func(at string, v reflect.Value) {
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			field, setting := v.Field(i), at+name
			secret := regexp.MustCompile(`(key|password|secret|token)_file$`).MatchString(name)
			switch {
			case secret && field.Kind() == reflect.String:
				field.SetString(open(setting))
			case secret:
				field.Set(reflect.ValueOf([]string{open(setting)}).Convert(field.Type()))
			case field.Kind() == reflect.Struct:
				fill(setting+".", field)
			case field.Kind() == reflect.Slice && field.Len() == 1 && field.Index(0).Kind() == reflect.Struct:
				fill(setting+"[].", field.Index(0))
			}
		}
	}
	fill("", reflect.ValueOf(&c).Elem())
	if len(files) < 12 {
		t.Fatalf("%d secret files were found, want at least 12: otherwise this test proves nothing", len(files))
	}
	said := strings.Join(c.OpenSecrets(), "\n")
	delete(files, "archive.access_key_file") // an access key is no secret: it is a name, like that of a user
	for setting, path := range files {
		if !strings.Contains(said, path+";") {
			t.Errorf("OpenSecrets does not warn of the open file of %s", setting)
		}
	}
}

// People write the file of keys with any editor. If one line cannot be used, the keys of the other
// lines still count. The error contains no key.
func TestIntakeKeys_FileOfAnyEditor_UsableLinesCount(t *testing.T) {
	const one, two = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	hash := strings.Repeat("AB", 32)
	for _, tt := range []struct {
		file  string
		want  []string
		fault string
	}{
		{one + "\n", []string{one}, ""},
		{"\xef\xbb\xbf" + one + "\r\n\r\n" + two + "\r\n", []string{one, two}, ""},
		{"# of the shop, since May\n" + one + "\n#\n", []string{one}, ""},
		{"sha256:" + hash + "\n", []string{"sha256:" + strings.ToLower(hash)}, ""},
		{one + "\nsecretshort\n", []string{one}, "less than 24 characters"},
		{"sha256:secret\n" + one, []string{one}, "no 64 hex digits"},
		{one + "\nsecret with blanks and more of it\n", []string{one}, "with a blank"},
		{strings.Repeat(one+"\n", 11), slices.Repeat([]string{one}, 10), "too many keys"},
		{"", []string{}, "has no key"},
		{"# none\n", []string{}, "has no key"},
	} {
		got, err := IntakeClient{Name: "erp", KeyFile: writeFile(t, "key", tt.file)}.Keys()
		if !slices.Equal(got, tt.want) || got == nil || (err == nil) != (tt.fault == "") {
			t.Errorf("%q: the keys are %q, want %q, and the error is %v, want one about %q, or none if that is empty",
				tt.file, got, tt.want, err, tt.fault)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: the error is %v, want it to say %q without a secret", tt.file, err, tt.fault)
		}
	}
	if got, err := (IntakeClient{Name: "erp", KeyFile: "none"}).Keys(); got != nil || err == nil {
		t.Errorf("without a file the keys are %q (error %v), want none and an error", got, err)
	}
}

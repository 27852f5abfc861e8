package redisd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// parentRole is an environment variable with a folder. It makes this test binary act as the parent
// that is going to be killed, with a server in this folder.
const parentRole = "REDISD_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentRole) != "" {
		srv, err := redisd.Start(context.Background(), redisd.Options{Dir: os.Getenv(parentRole)})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(srv.Addr())
		select {}
	}
	goleak.VerifyTestMain(m)
}

func TestStart_Server_IsLocalNeverEvictsAndWritesNoSnapshots(t *testing.T) {
	client, srv := redistest.New(t)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, setting, want string }{
		{"when memory is full, writes must be refused and no key may be evicted", "maxmemory-policy", "noeviction"},
		{"no other machine may connect", "bind", "127.0.0.1"},
		{"no other machine may connect even if bind is overridden by mistake", "protected-mode", "yes"},
		{"snapshots would change what is left after a kill", "save", ""},
		{"data stays in memory unless an append-only file is asked for", "appendonly", "no"},
	} {
		got, err := client.ConfigGet(t.Context(), c.setting).Result()
		if err != nil || got[c.setting] != c.want {
			t.Errorf("%s: %s is %q (%v), want %q", c.why, c.setting, got[c.setting], err, c.want)
		}
	}
	if want := "redis://" + srv.Addr() + "/0"; srv.URL() != want {
		t.Errorf("URL() = %q, want %q", srv.URL(), want)
	}
	if info, err := os.Stat(srv.Dir()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (error %v), want it with mode 0700", info, err)
	}
}

func TestKill_ThenRestart_KeepsDataWhenAppendOnly(t *testing.T) {
	for _, c := range []struct {
		why        string
		appendOnly bool
		want       int64
	}{
		{"with an append-only file every acknowledged write is kept", true, 100},
		{"without an append-only file a kill loses everything, which tests rely on", false, 0},
	} {
		srv := redistest.StartWith(t, redisd.Options{AppendOnly: c.appendOnly, Args: []string{"--appendfsync", "always"}})
		client := redistest.Client(t, srv)
		for i := range 100 {
			if err := client.Set(t.Context(), "k"+strconv.Itoa(i), "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		addr, pid := srv.Addr(), srv.Pid()
		if err := srv.Kill(); err != nil {
			t.Fatal(err)
		}
		if srv.Pid() != 0 || answers(addr) {
			t.Fatalf("after Kill the pid is %d, and the server answers: %v; want 0 and false", srv.Pid(), answers(addr))
		}
		if err := srv.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if srv.Addr() != addr || srv.Pid() == pid || srv.Pid() == 0 {
			t.Fatalf("after Restart the server is at %s with pid %d, before at %s with pid %d: want the same address and a new pid",
				srv.Addr(), srv.Pid(), addr, pid)
		}
		if got := client.DBSize(t.Context()).Val(); got != c.want {
			t.Errorf("%s: after the restart there are %d keys, want %d", c.why, got, c.want)
		}
	}
}

func TestRestart_Running_ShutsDownGracefullyFirst(t *testing.T) {
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	client := redistest.Client(t, srv)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := client.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("k is %q after a graceful restart, want v", got)
	}
	log, err := os.ReadFile(filepath.Join(srv.Dir(), "redis.log"))
	if err != nil || !strings.Contains(string(log), "User requested shutdown") {
		t.Errorf("the server's log does not mention a requested shutdown (error %v)", err)
	}
}

func TestStop_Twice_IsFinalAndRemovesOnlyItsOwnFolder(t *testing.T) {
	own, err := redisd.Start(t.Context(), redisd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	given, err := redisd.Start(t.Context(), redisd.Options{Dir: filepath.Join(t.TempDir(), "a folder", "made")})
	if err != nil {
		t.Fatal(err)
	}
	for _, srv := range []*redisd.Server{own, given} {
		if err := errors.Join(srv.Stop(), srv.Stop(), srv.Kill()); err != nil {
			t.Error(err)
		}
		if srv.Pid() != 0 || answers(srv.Addr()) {
			t.Errorf("after Stop the server at %s still runs", srv.Addr())
		}
		if err := srv.Restart(t.Context()); !errors.Is(err, redisd.ErrStopped) {
			t.Errorf("Restart after Stop = %v, want ErrStopped", err)
		}
	}
	if _, err := os.Stat(own.Dir()); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there (%v)", err)
	}
	if _, err := os.Stat(given.Dir()); err != nil {
		t.Errorf("the caller's folder is gone: %v", err)
	}
}

func TestStop_HungServer_IsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits five seconds for a server that does not answer")
	}
	srv, err := redisd.Start(t.Context(), redisd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(srv.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := srv.Stop(); err != nil || srv.Pid() != 0 {
		t.Errorf("Stop of a hung server gives %v, and the pid is %d: want no error and 0", err, srv.Pid())
	}
}

func TestPid_ChildDied_IsZeroAndRestartHelps(t *testing.T) {
	srv := redistest.Start(t)
	if err := syscall.Kill(srv.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Pid is 0", func() bool { return srv.Pid() == 0 })
	if err := srv.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !answers(srv.Addr()) {
		t.Error("no answer after Restart")
	}
}

func TestStart_Fails_SaysWhyAndLeavesNothing(t *testing.T) {
	other := redistest.Start(t)
	_, port, _ := net.SplitHostPort(other.Addr())
	taken, _ := strconv.Atoi(port)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // holds a port and is not Redis
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()

	for _, c := range []struct {
		why  string
		ctx  context.Context
		o    redisd.Options
		want string
	}{
		{"another Redis, which must not be used, answers at the port", t.Context(), redisd.Options{Port: taken}, "port is taken"},
		{"another program listens at the port", t.Context(), redisd.Options{Port: silent.Addr().(*net.TCPAddr).Port}, "port is taken"},
		{
			"an unknown setting: the error has Redis's own text", t.Context(),
			redisd.Options{Args: []string{"--no-such-setting", "1"}}, "no-such-setting",
		},
		{"the context is cancelled", cancelled, redisd.Options{}, "canceled"},
		{"the program does not exist", t.Context(), redisd.Options{Binary: "/nonexistent/redis-server"}, "/nonexistent/redis-server"},
	} {
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		srv, err := redisd.Start(c.ctx, c.o)
		if err == nil {
			_ = srv.Stop()
			t.Errorf("%s: the server started without an error", c.why)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one that says %q", c.why, err, c.want)
		}
		if left, _ := os.ReadDir(temp); len(left) != 0 {
			t.Errorf("%s: the failed start has left %v behind", c.why, left)
		}
	}
}

func TestFind_NotInstalled_SaysHowToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := redisd.Start(t.Context(), redisd.Options{})
	if !errors.Is(err, redisd.ErrNotFound) || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("Start without redis-server returns %v, want it to say how to install it", err)
	}
}

func TestStart_ManyAtOnce_EachHasItsOwnServer(t *testing.T) {
	var wg sync.WaitGroup
	servers := make([]*redisd.Server, 8)
	for i := range servers {
		wg.Go(func() {
			srv, err := redisd.Start(t.Context(), redisd.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = srv
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, srv := range servers {
		if srv == nil {
			continue
		}
		if seen[srv.Addr()] {
			t.Errorf("%s was given twice", srv.Addr())
		}
		seen[srv.Addr()] = true
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestStart_ThreadsOfTheParentEnd_ServerLives(t *testing.T) {
	srv := redistest.Start(t)
	pid := srv.Pid()
	for range 200 { // each goroutine ends its OS thread, which would kill a server that this thread had forked
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
		}()
		<-done
	}
	if !answers(srv.Addr()) || srv.Pid() != pid {
		t.Error("the server died when a thread ended")
	}
}

func TestStart_ParentKilled_ServerDiesToo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent-death signal")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentRole+"="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addr := strings.TrimSpace(line)
	if err != nil || !answers(addr) {
		_ = parent.Process.Kill()
		t.Fatalf("the parent wrote %q (%v), and nothing answers there", addr, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the orphan is gone", func() bool { return !answers(addr) })
}

func answers(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "PING\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line) == "+PONG"
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if holds() {
			return
		}
	}
	t.Fatalf("10 s have passed and this is still not true: %s", what)
}

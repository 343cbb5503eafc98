package collectors

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A path that a reload adds has a value from the first gather after it; one that hangs costs a second and no more.
func TestPrime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nfs mount
		r, err := newResources(ResourcesOptions{Disks: disks("/")},
			system{root: newFixture(t, ResourcesOptions{}).system.root, fileSystem: nfs.read})
		if err != nil {
			t.Fatal(err)
		}
		with := func(paths ...string) ResourcesOptions { return ResourcesOptions{Disks: disks(append(paths, "/")...)} }
		prime := func(ctx context.Context, o ResourcesOptions, want time.Duration) {
			t.Helper()
			began := time.Now()
			if err := r.Prime(ctx, o); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("Prime took %v, want %v", took, want)
			}
		}
		apply := func(o ResourcesOptions, path string, want float64) {
			t.Helper()
			if err := r.Apply(o); err != nil {
				t.Fatal(err)
			}
			got, ok := gathered(t, r)["disk_utilization_ratio "+path]
			if !ok {
				got = absent
			}
			if !near(got, want) {
				t.Errorf("%s is %v right after Apply, want %v", path, got, want)
			}
		}

		prime(t.Context(), with("/new"), 0) // nobody samples: there is no value before Run
		apply(with("/new"), "/new", absent)
		apply(with(), "/", absent)
		stop := run(t, r)
		synctest.Wait()
		prime(t.Context(), with("/new"), 0)
		if _, there := gathered(t, r)["disk_utilization_ratio /new"]; there {
			t.Error("the path is exposed before it is applied")
		}
		apply(with("/new"), "/new", 0.25)
		prime(t.Context(), with("/other"), 0)
		prime(t.Context(), with("/new"), 0) // another one came: the first is dropped
		if len(r.primed) != 0 {
			t.Errorf("%d sensors are kept for paths that nobody applied", len(r.primed))
		}

		release := nfs.block()
		prime(t.Context(), with("/nfs"), primeTimeout)
		apply(with("/nfs"), "/nfs", absent)
		synctest.Wait() // what watches it waits for the same call
		release()
		synctest.Wait()
		if got := gathered(t, r)["disk_utilization_ratio /nfs"]; got != 0.5 { // it is still being read
			t.Errorf("the path that hung is %v once it answers, want 0.5", got)
		}
		if n := nfs.begun.Load(); n != 1 {
			t.Errorf("%d reads, want the one", n)
		}
		apply(with(), "/", 0.25)
		release = nfs.block()
		ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		prime(ended, with("/nfs"), time.Millisecond)
		release()
		if r.Prime(t.Context(), ResourcesOptions{Disks: disks("relative")}) == nil {
			t.Error("a faulty path was read")
		}
		prime(t.Context(), with("/last"), 0)
		stop()
		apply(with("/last"), "/last", absent) // no value outlives Run
	})
}

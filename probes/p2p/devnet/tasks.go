package devnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Task is a piece of work. Its error says that it failed. It must end when ctx does.
type Task func(ctx context.Context) error

// TaskCounts is what a node's queue does, and what it has done since the node started.
type TaskCounts struct {
	Active    int    `json:"active"`    // tasks that run
	Queued    int    `json:"queued"`    // tasks that wait
	Capacity  int    `json:"capacity"`  // tasks that can run at once
	Succeeded uint64 `json:"succeeded"` // since the start
	Failed    uint64 `json:"failed"`    // since the start
}

// ErrQueueFull is what a node answers that has no room for another task.
var ErrQueueFull = errors.New("task queue is full")

// TaskLoad describes tasks where a function can't be sent: Count tasks that take Work each, every FailEvery-th of which
// fails (0: none does).
type TaskLoad struct {
	Count     int           `json:"count"`
	Work      time.Duration `json:"work"`
	FailEvery int           `json:"fail_every"`
}

// Tasks are those the load describes.
func (l TaskLoad) tasks() []Task {
	tasks := make([]Task, 0, l.Count)
	for i := range l.Count {
		fails := l.FailEvery > 0 && (i+1)%l.FailEvery == 0
		tasks = append(tasks, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(l.Work):
			}
			if fails {
				return fmt.Errorf("task %d was told to fail", i)
			}
			return nil
		})
	}
	return tasks
}

// queue runs the tasks of one node, capacity at once, in the order they came.
type queue struct {
	tasks chan Task

	mu     sync.Mutex
	counts TaskCounts
}

func newQueue(workers, length int) *queue {
	return &queue{tasks: make(chan Task, length), counts: TaskCounts{Capacity: workers}}
}

// submit takes a task or says ErrQueueFull.
func (q *queue) submit(t Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case q.tasks <- t:
		q.counts.Queued++
		return nil
	default:
		return ErrQueueFull
	}
}

// run works until ctx is done and returns when the last task has ended. A task that ctx ends has failed; those that wait
// are dropped.
func (q *queue) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range q.counts.Capacity {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case t := <-q.tasks:
					q.do(ctx, t)
				}
			}
		})
	}
	workers.Wait()
}

func (q *queue) do(ctx context.Context, t Task) {
	q.count(func(c *TaskCounts) { c.Queued--; c.Active++ })
	err := t(ctx)
	q.count(func(c *TaskCounts) {
		c.Active--
		if err != nil {
			c.Failed++
		} else {
			c.Succeeded++
		}
	})
}

func (q *queue) count(change func(*TaskCounts)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(&q.counts)
}

func (q *queue) read() TaskCounts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts
}

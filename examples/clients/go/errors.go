package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// docs:begin refusal

// refusal returns the entry of the error catalogue that is the server's reason; nil if the error is not the
// server's, as when the connection was lost. Domain and reason are text on the wire, and compared as text:
// the generated enum's names have a prefix, and its numbers are never sent.
func refusal(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

func isRefusal(err error, domain, reason string) bool {
	info := refusal(err)
	return info.GetDomain() == domain && info.GetReason() == reason
}

// docs:end refusal

// errorText returns an error as text for people: what the server refused and why, or what else failed.
func errorText(err error) string {
	if info := refusal(err); info != nil {
		return fmt.Sprintf("%s %s: %s", info.Domain, info.Reason, status.Convert(err).Message())
	}
	return err.Error()
}

// lostConnections counts how often a call or a stream failed because its connection was lost.
type lostConnections struct{ atomic.Int64 }

func (l *lostConnections) note(err error) {
	// UNAVAILABLE without a reason of the server's.
	if status.Code(err) == codes.Unavailable && refusal(err) == nil {
		l.Add(1)
	}
}

// docs:begin backoff

// retried makes attempts until one succeeds, or fails with an error that a retry cannot fix. The first pause
// is 50 ms, later ones are longer, up to 2 s; when an attempt calls progressed, pauses start again at 50 ms.
func retried(ctx context.Context, lost *lostConnections, attempt func(progressed func()) error) error {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	pause := shortest
	for {
		err := attempt(func() { pause = shortest })
		wait, passing := passes(err)
		if !passing || ctx.Err() != nil {
			return err
		}
		lost.note(err)
		// A random part, so that clients of one server do not all return at the same moment.
		wait = max(wait, pause/2+rand.N(pause/2))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, longest)
	}
}

// docs:end backoff

// docs:begin retry

// passes returns whether a retry may succeed, and how long to wait at least.
func passes(err error) (wait time.Duration, passing bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration(), true
		}
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return 0, true
	case codes.Unavailable, codes.Canceled:
		// A lost connection, or a call that arrived while the server stopped (if we cancelled, ctx says so). The
		// server's own errors have a RetryInfo if a retry helps.
		return 0, refusal(err) == nil
	case codes.Aborted: // not VERSION_CONFLICT: that needs another decision, not another attempt
		return 0, isRefusal(err, "foldlog.v1", "CONTENDED")
	default:
		return 0, errors.Is(err, io.EOF) // a stream that the server ended
	}
}

// docs:end retry

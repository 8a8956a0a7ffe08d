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

// refusal is the entry of the error catalogue that the server gives as its reason. It is nil where the server
// did not speak, as when the connection was lost. Domain and reason are text on the wire, and compared as
// text: the generated enum's names have a prefix, and its numbers are never sent.
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

// told is an error for people: what the server refused and why, or what went wrong on the way.
func told(err error) string {
	if info := refusal(err); info != nil {
		return fmt.Sprintf("%s %s: %s", info.Domain, info.Reason, status.Convert(err).Message())
	}
	return err.Error()
}

// lostConnections counts how often a call or a stream failed because its connection was lost.
type lostConnections struct{ atomic.Int64 }

func (l *lostConnections) note(err error) {
	// UNAVAILABLE without a word of the server's own.
	if status.Code(err) == codes.Unavailable && refusal(err) == nil {
		l.Add(1)
	}
}

// docs:begin backoff

// retried makes attempts until one succeeds, or fails in a way that will not pass. The first pause is of 50
// ms, later ones longer, up to 2 s; an attempt that calls progressed begins anew with short ones.
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
		// Not all at once: clients that lost one server come back at different moments.
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

// passes says whether an attempt may succeed when it is made again, and after how long at the earliest.
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
		// A lost connection, or a call that came while a server stopped (ctx tells of our own end). A server that speaks
		// says by RetryInfo whether trying again helps.
		return 0, refusal(err) == nil
	case codes.Aborted: // not VERSION_CONFLICT: that needs another decision, not another attempt
		return 0, isRefusal(err, "foldlog.v1", "CONTENDED")
	default:
		return 0, errors.Is(err, io.EOF) // a stream that the server ended
	}
}

// docs:end retry

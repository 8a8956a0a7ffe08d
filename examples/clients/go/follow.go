package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	ordersv1 "foldlog/orders/v1"
	foldlogv1 "foldlog/v1"
)

// subscription follows the events of all orders until it has seen those awaited.
type subscription struct {
	client     foldlogv1.EventServiceClient
	token      string // of the last message handled: all that is needed to resume
	customerID string
	awaited    int // so many orders of the customer are still to come
	events     int // so many were printed
}

func (s *subscription) follow(ctx context.Context, lost *lostConnections) error {
	return retried(ctx, lost, func(progressed func()) error { return s.attempt(ctx, progressed) })
}

// docs:begin resume

// attempt receives events, each once and in order: it starts after the last message that any attempt handled.
// If the log now has another history, the token is refused (LOG_REPLACED), and a retry does not help.
func (s *subscription) attempt(ctx context.Context, progressed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // else a stream that is left before its end keeps its resources
	stream, err := s.client.Subscribe(ctx, &foldlogv1.SubscribeRequest{
		Start:  &foldlogv1.SubscribeRequest_AfterToken{AfterToken: s.token},
		Filter: &foldlogv1.EventFilter{Categories: []string{"order"}},
	}, grpc.WaitForReady(true)) // waits until the server can be reached
	if err != nil {
		return err
	}
	for s.awaited > 0 {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, event := range message.GetEvents().GetEvents() { // none in messages of other kinds
			if err := s.print(event); err != nil {
				return err
			}
		}
		s.token = message.Token // after all of its events: what was not handled is sent again
		progressed()
	}
	return nil
}

// docs:end resume

func (s *subscription) print(event *foldlogv1.RecordedEvent) error {
	fmt.Println("event", event.Position, event.Stream, event.Type)
	s.events++
	created := &ordersv1.OrderCreated{}
	if !event.Payload.MessageIs(created) {
		return nil
	}
	if err := event.Payload.UnmarshalTo(created); err != nil {
		return err
	}
	if created.CustomerId == s.customerID {
		s.awaited--
	}
	return nil
}

// watch holds the current orders of a customer until there are as many as awaited.
type watch struct {
	client     ordersv1.QueryServiceClient
	customerID string
	awaited    int
	token      string
	items      map[string]int64 // by order
}

func (w *watch) follow(ctx context.Context, lost *lostConnections) error {
	return retried(ctx, lost, func(progressed func()) error { return w.attempt(ctx, progressed) })
}

// docs:begin watch

// attempt keeps the orders as they are on the server: first all of them, then every change.
func (w *watch) attempt(ctx context.Context, progressed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := &ordersv1.WatchCurrentOrdersRequest{CustomerId: w.customerID, ResumeToken: w.token}
	stream, err := w.client.WatchCurrentOrders(ctx, request, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	for len(w.items) < w.awaited {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		if message.Reset_ { // everything received before is void, and is sent again
			clear(w.items)
		}
		for _, order := range message.Puts {
			w.items[order.OrderId] = order.ItemCount
		}
		for _, orderID := range message.Gone {
			delete(w.items, orderID)
		}
		w.token = message.ResumeToken
		progressed()
	}
	return nil
}

// docs:end watch

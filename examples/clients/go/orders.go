package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ordersv1 "foldlog/orders/v1"
	foldlogv1 "foldlog/v1"
)

// patience is how long one attempt of a call may take. A stream has no deadline: it is meant to last.
const patience = 5 * time.Second

// shop is where one customer orders.
type shop struct {
	commands   ordersv1.CommandServiceClient
	queries    ordersv1.QueryServiceClient
	requests   foldlogv1.RequestServiceClient
	customerID string
}

// begin places the first order, an empty one, and shows what can be asked about it. It returns what its
// command did.
func (s *shop) begin(ctx context.Context) (*foldlogv1.CommandResult, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	requestID := newRequestID()
	created, err := s.create(ctx, requestID, nil)
	if err != nil {
		return nil, err
	}
	orderID := created.Order.OrderId
	fmt.Printf("created %s at position %d\n", orderID, created.Result.Position)
	steps := []func() error{
		func() error { return s.readOwnWrite(ctx, orderID, created.Result.Token) },
		func() error { return s.refused(ctx, orderID) },
		func() error { return s.repeat(ctx, requestID) },
		func() error { return s.outcome(ctx, requestID) },
		func() error { return s.latest(ctx, orderID) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return created.Result, nil
}

// docs:begin command

// create places an order. Sent again with the same request id, it acts once, and returns the first answer: so
// the caller makes one id for one order, and keeps it until the answer is known.
func (s *shop) create(
	ctx context.Context, requestID string, lines []*ordersv1.OrderLine, options ...grpc.CallOption,
) (*ordersv1.CreateOrderResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.commands.CreateOrder(ctx, &ordersv1.CreateOrderRequest{
		Command: &ordersv1.CreateOrder{CustomerId: s.customerID, CurrencyCode: "GBP", Lines: lines},
		Options: &foldlogv1.CommandOptions{RequestId: requestID},
	}, options...)
}

// newRequestID returns a UUID of version 7: ids in the order of time keep the server fast.
func newRequestID() string {
	return uuid.Must(uuid.NewV7()).String()
}

// docs:end command

// write places orders one after the other, each with a request id of its own that it keeps through its
// attempts.
func (s *shop) write(ctx context.Context, lost *lostConnections, count int) error {
	tea := []*ordersv1.OrderLine{{
		ProductId: "tea",
		Quantity:  2,
		UnitPrice: &foldlogv1.Money{CurrencyCode: "GBP", Units: 3},
	}}
	for range count {
		requestID := newRequestID()
		err := retried(ctx, lost, func(func()) error {
			_, err := s.create(ctx, requestID, tea, grpc.WaitForReady(true))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readOwnWrite reads an order as it is after our own command: the answer must have seen the command's token.
func (s *shop) readOwnWrite(ctx context.Context, orderID, token string) error {
	found, err := s.queries.GetOrder(ctx, &ordersv1.GetOrderRequest{
		OrderId: orderID,
		Options: &foldlogv1.ReadOptions{MinPositionToken: token},
	})
	if err != nil {
		return err
	}
	fmt.Printf("read %s at version %d\n", orderID, found.Order.Version)
	return nil
}

func (s *shop) refused(ctx context.Context, orderID string) error {
	_, err := s.commands.SubmitOrder(ctx, &ordersv1.SubmitOrderRequest{
		Command: &ordersv1.SubmitOrder{OrderId: orderID},
	})
	if !isRefusal(err, "foldlog.orders.v1", "ORDER_EMPTY") {
		return fmt.Errorf("an empty order was to be refused as ORDER_EMPTY: %w", err)
	}
	info := refusal(err)
	metadata, err := json.Marshal(info.Metadata)
	if err != nil {
		return err
	}
	fmt.Printf("refused: %s %s %s\n", info.Domain, info.Reason, metadata)
	return nil
}

func (s *shop) repeat(ctx context.Context, requestID string) error {
	repeated, err := s.create(ctx, requestID, nil)
	if err != nil {
		return err
	}
	fmt.Printf("repeated: replayed=%t at position %d\n", repeated.Result.Replayed, repeated.Result.Position)
	return nil
}

// docs:begin outcome

// outcome asks for the outcome of a command of which only the request id is left. NOT_FOUND would mean that
// nothing is recorded: a client that still has the command may send it with that id.
func (s *shop) outcome(ctx context.Context, requestID string) error {
	found, err := s.requests.GetOutcome(ctx, &foldlogv1.GetOutcomeRequest{RequestId: requestID})
	if status.Code(err) == codes.Unimplemented {
		fmt.Println("outcome: not implemented by this server")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("outcome: %s at position %d\n", found.Result.Stream, found.Result.Position)
	return nil
}

// docs:end outcome

// latest reads an order as it is now, whichever client changed it last.
func (s *shop) latest(ctx context.Context, orderID string) error {
	found, err := s.queries.GetOrder(ctx, &ordersv1.GetOrderRequest{
		OrderId: orderID,
		Options: &foldlogv1.ReadOptions{Latest: true},
	})
	if err != nil {
		return err
	}
	fmt.Printf("latest: %s at version %d\n", orderID, found.Order.Version)
	return nil
}

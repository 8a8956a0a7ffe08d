// Command orders places orders with a Foldlog server, reads them back, and follows the events, through lost
// connections.
//
//	buf generate && go run . [ADDRESS [ORDERS]]
//
// buf.gen.yaml has the stubs generated from the protos into gen/, by the plugins that go.mod names as tools.
// Their import paths, such as foldlog/orders/v1, are in the module foldlog, which go.mod finds there.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	ordersv1 "foldlog/orders/v1"
	foldlogv1 "foldlog/v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, errorText(err))
		os.Exit(1)
	}
}

func run(arguments []string) error {
	address, count := "127.0.0.1:50051", 20
	if len(arguments) > 0 {
		address = arguments[0]
	}
	if len(arguments) > 1 {
		number, err := strconv.Atoi(arguments[1])
		if err != nil {
			return fmt.Errorf("ORDERS is to be a number: %w", err)
		}
		count = number
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	connection, err := connect(address)
	if err != nil {
		return err
	}
	defer connection.Close()
	shop := &shop{
		commands:   ordersv1.NewCommandServiceClient(connection),
		queries:    ordersv1.NewQueryServiceClient(connection),
		requests:   foldlogv1.NewRequestServiceClient(connection),
		customerID: "go-" + uuid.NewString(),
	}
	first, err := shop.begin(ctx)
	if err != nil {
		return err
	}
	return shop.observed(ctx, foldlogv1.NewEventServiceClient(connection), first, count)
}

// docs:begin connect

// connect returns a connection that is made with the first call, and again whenever it was lost.
func connect(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// The first reconnect is tried after 50 ms, later ones every 2 s at most. gRPC's own longest pause is 2
		// minutes, during which calls fail.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 50 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A connection that is silent for 20 s is pinged, so that a vanished peer is detected, and the streams over
		// it fail with UNAVAILABLE.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 20 * time.Second, Timeout: 10 * time.Second,
		}),
	)
}

// docs:end connect

// observed writes orders, and receives each twice: as events, and in the watch.
func (s *shop) observed(
	ctx context.Context, events foldlogv1.EventServiceClient, first *foldlogv1.CommandResult, count int,
) error {
	var lost lostConnections
	subscription := &subscription{
		client: events, token: first.Token, customerID: s.customerID, awaited: count,
	}
	watch := &watch{
		client: s.queries, customerID: s.customerID, awaited: count + 1, items: map[string]int64{},
	}
	together, ctx := errgroup.WithContext(ctx)
	together.Go(func() error { return s.write(ctx, &lost, count) })
	together.Go(func() error { return subscription.follow(ctx, &lost) })
	together.Go(func() error { return watch.follow(ctx, &lost) })
	if err := together.Wait(); err != nil {
		return err
	}
	for _, orderID := range slices.Sorted(maps.Keys(watch.items)) {
		fmt.Println("order", orderID, watch.items[orderID])
	}
	fmt.Printf("done: %d orders written, %d events, %d lost connections\n",
		count, subscription.events, lost.Load())
	return nil
}

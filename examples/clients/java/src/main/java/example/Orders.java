package example;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.rpc.ErrorInfo;
import foldlog.orders.v1.CreateOrder;
import foldlog.orders.v1.CreateOrderRequest;
import foldlog.orders.v1.CreateOrderResponse;
import foldlog.orders.v1.GetOrderRequest;
import foldlog.orders.v1.Order;
import foldlog.orders.v1.OrderLine;
import foldlog.orders.v1.SubmitOrder;
import foldlog.orders.v1.SubmitOrderRequest;
import foldlog.v1.CommandOptions;
import foldlog.v1.CommandResult;
import foldlog.v1.GetOutcomeRequest;
import foldlog.v1.Money;
import foldlog.v1.ReadOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The orders of one customer. */
record Orders(Foldlog foldlog, Retries retries, String customerId) {
  /** How long one attempt may take. A stub's deadline is a point in time, so each attempt gets its own. */
  private static final long PATIENCE_SECONDS = 5;

  // docs:begin command
  /** Creates one order, whatever the number of attempts: all of them have the same request id. */
  CreateOrderResponse create(UUID requestId, List<OrderLine> lines) throws InterruptedException {
    var command =
        CreateOrder.newBuilder().setCustomerId(customerId).setCurrencyCode("GBP").addAllLines(lines);
    // A UUID of version 4 works; one of version 7, which libraries make, keeps a busy server faster.
    var options = CommandOptions.newBuilder().setRequestId(requestId.toString());
    var request = CreateOrderRequest.newBuilder().setCommand(command).setOptions(options).build();
    return retries.call(
        () -> foldlog.commands().withDeadlineAfter(PATIENCE_SECONDS, SECONDS).createOrder(request));
  }

  // docs:end command

  /** Writes so many orders of two units of tea, each durable before the next starts. */
  void write(int count) throws InterruptedException {
    var price = Money.newBuilder().setCurrencyCode("GBP").setUnits(3);
    var tea = OrderLine.newBuilder().setProductId("tea").setQuantity(2).setUnitPrice(price).build();
    for (int written = 0; written < count; written++) {
      create(UUID.randomUUID(), List.of(tea));
    }
  }

  /** The order at the token's position, or later. */
  Order readAfter(String orderId, String token) throws InterruptedException {
    return read(orderId, ReadOptions.newBuilder().setMinPositionToken(token).build());
  }

  /** The order as it is now, whichever client changed it last. */
  Order readLatest(String orderId) throws InterruptedException {
    return read(orderId, ReadOptions.newBuilder().setLatest(true).build());
  }

  private Order read(String orderId, ReadOptions options) throws InterruptedException {
    var request = GetOrderRequest.newBuilder().setOrderId(orderId).setOptions(options).build();
    return retries
        .call(() -> foldlog.queries().withDeadlineAfter(PATIENCE_SECONDS, SECONDS).getOrder(request))
        .getOrder();
  }

  /** Why an empty order cannot be submitted. */
  ErrorInfo beRefused(String orderId) throws InterruptedException {
    var command = SubmitOrder.newBuilder().setOrderId(orderId);
    var options = CommandOptions.newBuilder().setRequestId(UUID.randomUUID().toString());
    var request = SubmitOrderRequest.newBuilder().setCommand(command).setOptions(options).build();
    try {
      retries.call(
          () -> foldlog.commands().withDeadlineAfter(PATIENCE_SECONDS, SECONDS).submitOrder(request));
    } catch (StatusRuntimeException failure) {
      if (Refusals.isRefusal(failure, "foldlog.orders.v1", "ORDER_EMPTY")) {
        return Refusals.refusal(failure).orElseThrow();
      }
      throw failure;
    }
    throw new IllegalStateException("An empty order was submitted; expected a refusal.");
  }

  // docs:begin outcome
  /** The outcome of a command, by its request id. Empty if the server is too old to have this method. */
  Optional<CommandResult> outcome(UUID requestId) throws InterruptedException {
    var request = GetOutcomeRequest.newBuilder().setRequestId(requestId.toString()).build();
    try {
      var response =
          retries.call(
              () -> foldlog.requests().withDeadlineAfter(PATIENCE_SECONDS, SECONDS).getOutcome(request));
      return Optional.of(response.getResult());
    } catch (StatusRuntimeException failure) {
      if (failure.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw failure;
    }
  }
  // docs:end outcome
}

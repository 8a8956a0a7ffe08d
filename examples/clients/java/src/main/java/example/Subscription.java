package example;

import com.google.protobuf.InvalidProtocolBufferException;
import foldlog.orders.v1.OrderCreated;
import foldlog.v1.EventFilter;
import foldlog.v1.RecordedEvent;
import foldlog.v1.SubscribeRequest;
import foldlog.v1.SubscribeResponse;
import java.util.Iterator;

/** Prints the events of all orders, until so many orders of a customer were created. */
final class Subscription {
  private final Foldlog foldlog;
  private final String customerId;
  private String token;
  private int awaited;
  private int events;

  Subscription(Foldlog foldlog, String customerId, String afterToken, int awaited) {
    this.foldlog = foldlog;
    this.customerId = customerId;
    this.token = afterToken;
    this.awaited = awaited;
  }

  /** How many events were printed. */
  int events() {
    return events;
  }

  // docs:begin resume
  /** Receives every event once and in order, through lost connections. */
  void follow(Retries retries) throws InterruptedException {
    retries.follow(this::open, this::handle, () -> awaited <= 0);
  }

  private Iterator<SubscribeResponse> open() {
    var orders = EventFilter.newBuilder().addCategories("order");
    return foldlog
        .events()
        .subscribe(SubscribeRequest.newBuilder().setAfterToken(token).setFilter(orders).build());
  }

  private void handle(SubscribeResponse message) {
    // Messages of other kinds, known or unknown, have none.
    message.getEvents().getEventsList().forEach(this::handle);
    token = message.getToken(); // after all of its events: what was not handled is sent again
  }

  // docs:end resume

  private void handle(RecordedEvent event) {
    System.out.printf("event %d %s %s%n", event.getPosition(), event.getStream(), event.getType());
    events++;
    if (event.getPayload().is(OrderCreated.class) && isTheCustomers(event)) {
      awaited--;
    }
  }

  private boolean isTheCustomers(RecordedEvent created) {
    try {
      return created.getPayload().unpack(OrderCreated.class).getCustomerId().equals(customerId);
    } catch (InvalidProtocolBufferException damaged) {
      throw new IllegalArgumentException("An event's payload is damaged.", damaged);
    }
  }
}

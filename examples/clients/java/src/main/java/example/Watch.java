package example;

import foldlog.orders.v1.WatchCurrentOrdersRequest;
import foldlog.orders.v1.WatchCurrentOrdersResponse;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/** Holds the current orders of a customer, until there are so many. */
final class Watch {
  private final Foldlog foldlog;
  private final String customerId;
  private final int awaited;
  private final Map<String, Long> items = new TreeMap<>();
  private String resumeToken = "";

  Watch(Foldlog foldlog, String customerId, int awaited) {
    this.foldlog = foldlog;
    this.customerId = customerId;
    this.awaited = awaited;
  }

  /** The item count of each order, by order id. */
  Map<String, Long> items() {
    return items;
  }

  // docs:begin watch
  /** Keeps the orders as they are on the server: first all of them, then every change. */
  void follow(Retries retries) throws InterruptedException {
    retries.follow(this::open, this::handle, () -> items.size() >= awaited);
  }

  private Iterator<WatchCurrentOrdersResponse> open() {
    return foldlog
        .queries()
        .watchCurrentOrders(
            WatchCurrentOrdersRequest.newBuilder()
                .setCustomerId(customerId)
                .setResumeToken(resumeToken)
                .build());
  }

  private void handle(WatchCurrentOrdersResponse change) {
    if (change.getReset()) {
      items.clear(); // everything received before is void, and is sent again
    }
    change.getPutsList().forEach(order -> items.put(order.getOrderId(), order.getItemCount()));
    change.getGoneList().forEach(items::remove);
    resumeToken = change.getResumeToken();
  }
  // docs:end watch
}

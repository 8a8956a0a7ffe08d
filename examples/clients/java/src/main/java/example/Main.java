package example;

import com.google.gson.Gson;
import com.google.rpc.ErrorInfo;
import foldlog.v1.CommandResult;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Writes orders to a Foldlog server, and receives them by a subscription and by a watch, through lost
 * connections.
 *
 * <pre>
 *   mvn -q package
 *   java -jar target/foldlog-example.jar [ADDRESS [ORDERS]]      127.0.0.1:50051 and 20
 * </pre>
 */
public final class Main {
  private final Foldlog foldlog;
  private final Retries retries = new Retries();
  private final String customerId = "java-" + UUID.randomUUID();
  private final Orders orders;

  private Main(Foldlog foldlog) {
    this.foldlog = foldlog;
    this.orders = new Orders(foldlog, retries, customerId);
  }

  /** Exit code 1, with one line on stderr, unless everything was received. */
  public static void main(String[] arguments) {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    String count = arguments.length > 1 ? arguments[1] : "20";
    try {
      run(address, Integer.parseInt(count));
    } catch (ExecutionException failure) {
      fail(failure.getCause());
    } catch (Exception failure) {
      fail(failure);
    }
  }

  private static void run(String address, int count) throws InterruptedException, ExecutionException {
    try (Foldlog foldlog = Foldlog.connect(address)) {
      var main = new Main(foldlog);
      CommandResult first = main.tryOneOrder();
      main.writeAndFollow(first.getToken(), count);
    }
  }

  private static void fail(Throwable failure) {
    String described =
        failure instanceof StatusRuntimeException status ? Refusals.describe(status) : failure.toString();
    // gRPC adds the cause in further lines.
    System.err.println(described.lines().findFirst().orElse(described));
    System.exit(1);
  }

  /** One empty order: creates it, reads it, is refused, repeats, and asks for the outcome. */
  private CommandResult tryOneOrder() throws InterruptedException {
    var requestId = UUID.randomUUID();
    var created = orders.create(requestId, List.of());
    String orderId = created.getOrder().getOrderId();
    System.out.printf("created %s at position %d%n", orderId, created.getResult().getPosition());

    var read = orders.readAfter(orderId, created.getResult().getToken());
    System.out.printf("read %s at version %d%n", orderId, read.getVersion());

    ErrorInfo refusal = orders.beRefused(orderId);
    String metadata = new Gson().toJson(refusal.getMetadataMap());
    System.out.printf("refused: %s %s %s%n", refusal.getDomain(), refusal.getReason(), metadata);

    var again = orders.create(requestId, List.of()).getResult();
    System.out.printf("repeated: replayed=%b at position %d%n", again.getReplayed(), again.getPosition());

    String outcome =
        orders
            .outcome(requestId)
            .map(result -> result.getStream() + " at position " + result.getPosition())
            .orElse("not implemented by this server");
    System.out.println("outcome: " + outcome);

    var latest = orders.readLatest(orderId);
    System.out.printf("latest: %s at version %d%n", orderId, latest.getVersion());
    return created.getResult();
  }

  /** Writes so many orders, while a subscription and a watch follow them, and prints what they received. */
  private void writeAndFollow(String token, int count) throws InterruptedException, ExecutionException {
    var subscription = new Subscription(foldlog, customerId, token, count);
    var watch = new Watch(foldlog, customerId, count + 1);
    inThreads(
        () -> orders.write(count), () -> subscription.follow(retries), () -> watch.follow(retries));
    watch.items().forEach((orderId, items) -> System.out.printf("order %s %d%n", orderId, items));
    System.out.printf(
        "done: %d orders written, %d events, %d lost connections%n",
        count, subscription.events(), retries.lostConnections());
  }

  private interface Task {
    void run() throws InterruptedException;
  }

  /** Runs all at once, each in a thread of its own. The first failure ends the others. */
  private static void inThreads(Task... tasks) throws InterruptedException, ExecutionException {
    ExecutorService threads = Executors.newFixedThreadPool(tasks.length);
    try {
      var running = new ExecutorCompletionService<Void>(threads);
      for (Task task : tasks) {
        running.submit(
            () -> {
              task.run();
              return null;
            });
      }
      for (int done = 0; done < tasks.length; done++) {
        running.take().get();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}

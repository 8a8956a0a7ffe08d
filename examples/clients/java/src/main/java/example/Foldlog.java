package example;

import static java.util.concurrent.TimeUnit.SECONDS;

import foldlog.orders.v1.CommandServiceGrpc;
import foldlog.orders.v1.CommandServiceGrpc.CommandServiceBlockingStub;
import foldlog.orders.v1.QueryServiceGrpc;
import foldlog.orders.v1.QueryServiceGrpc.QueryServiceBlockingStub;
import foldlog.v1.EventServiceGrpc;
import foldlog.v1.EventServiceGrpc.EventServiceBlockingStub;
import foldlog.v1.RequestServiceGrpc;
import foldlog.v1.RequestServiceGrpc.RequestServiceBlockingStub;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;

/** A server's services, over one channel, which connects with the first call and reconnects by itself. */
record Foldlog(
    ManagedChannel channel,
    CommandServiceBlockingStub commands,
    QueryServiceBlockingStub queries,
    EventServiceBlockingStub events,
    RequestServiceBlockingStub requests)
    implements AutoCloseable {

  // docs:begin connect
  static Foldlog connect(String address) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
            // While calls are open, such as a subscription, pings detect a peer that has vanished.
            .keepAliveTime(20, SECONDS)
            .keepAliveTimeout(10, SECONDS)
            .build();
    return new Foldlog(
        channel,
        // Calls wait for a server that cannot be reached, as long as their deadline allows.
        CommandServiceGrpc.newBlockingStub(channel).withWaitForReady(),
        QueryServiceGrpc.newBlockingStub(channel).withWaitForReady(),
        EventServiceGrpc.newBlockingStub(channel).withWaitForReady(),
        RequestServiceGrpc.newBlockingStub(channel).withWaitForReady());
  }

  // docs:end connect

  @Override
  public void close() {
    channel.shutdownNow();
  }
}

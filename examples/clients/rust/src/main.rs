//! Places orders with a Foldlog server, reads them back, and follows the events, through lost
//! connections.
//!
//!     cargo run -- [ADDRESS [ORDERS]]
//!
//! build.rs generates the stubs from the protos; nothing but cargo is needed.

mod errors;
mod follow;
mod shop;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use errors::LostConnections;
use follow::{Subscription, Watch};
use shop::Shop;

/// The generated code of the protos, by package.
#[allow(clippy::all, dead_code)]
mod protos {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let status = failure.downcast_ref();
            eprintln!("{}", status.map_or_else(|| failure.to_string(), errors::describe));
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:50051".into());
    let orders = match arguments.next() {
        Some(number) => {
            number.parse().map_err(|failure| format!("ORDERS is to be a number: {failure}"))?
        }
        None => 20,
    };
    let channel = connect(&address)?;
    let mut shop = Shop::new(channel.clone(), format!("rust-{}", Uuid::new_v4()));
    let first = shop.begin().await?;
    observe(channel, &mut shop, first.token, orders).await?;
    Ok(())
}

// docs:begin connect
/// A channel connects with its first call, and reconnects with the first call after the connection
/// was lost.
fn connect(address: &str) -> Result<Channel, Box<dyn Error>> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(Duration::from_secs(5))
        // A connection that is silent for 20 s is pinged, so that a vanished peer is detected, and
        // the streams over it fail.
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    Ok(endpoint.connect_lazy())
}
// docs:end connect

/// Writes orders, and receives each twice: as events, and in the watch.
async fn observe(
    channel: Channel,
    shop: &mut Shop,
    after: String,
    orders: usize,
) -> Result<(), Status> {
    let lost = LostConnections::default();
    let mut subscription = Subscription::new(channel.clone(), shop.customer_id(), after, orders);
    let mut watch = Watch::new(channel, shop.customer_id(), orders + 1);
    tokio::try_join!(shop.write(&lost, orders), subscription.follow(&lost), watch.follow(&lost))?;
    for (order_id, item_count) in watch.items() {
        println!("order {order_id} {item_count}");
    }
    let events = subscription.events();
    println!("done: {orders} orders written, {events} events, {} lost connections", lost.count());
    Ok(())
}

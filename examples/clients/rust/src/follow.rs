//! Streams that are followed through lost connections.

use std::collections::BTreeMap;

use prost::Name;
use tonic::Status;
use tonic::transport::Channel;

use crate::errors::{LostConnections, Pause, retried};
use crate::protos::foldlog::orders::v1::query_service_client::QueryServiceClient;
use crate::protos::foldlog::orders::v1::{OrderCreated, WatchCurrentOrdersRequest};
use crate::protos::foldlog::v1::event_service_client::EventServiceClient;
use crate::protos::foldlog::v1::subscribe_request::Start;
use crate::protos::foldlog::v1::subscribe_response::Message;
use crate::protos::foldlog::v1::{EventFilter, RecordedEvent, SubscribeRequest};

/// Follows the events of all orders until it has seen those awaited.
pub struct Subscription {
    client: EventServiceClient<Channel>,
    customer_id: String,
    /// Of the last message handled: all that is needed to resume.
    token: String,
    /// So many orders of the customer are still to come.
    awaited: usize,
    events: u64,
}

impl Subscription {
    pub fn new(channel: Channel, customer_id: &str, after: String, awaited: usize) -> Self {
        let client = EventServiceClient::new(channel);
        Self { client, customer_id: customer_id.into(), token: after, awaited, events: 0 }
    }

    /// How many events were printed.
    pub fn events(&self) -> u64 {
        self.events
    }

    pub async fn follow(&mut self, lost: &LostConnections) -> Result<(), Status> {
        retried(lost, async |pause| self.attempt(pause).await).await
    }

    // docs:begin resume
    /// Receives events, each once and in order: it starts after the last message that any attempt
    /// handled. If the log now has another history, the token is refused (LOG_REPLACED), and a
    /// retry does not help.
    async fn attempt(&mut self, pause: &mut Pause) -> Result<(), Status> {
        let filter = EventFilter { categories: vec!["order".into()], ..Default::default() };
        let start = Some(Start::AfterToken(self.token.clone()));
        let request = SubscribeRequest { start, filter: Some(filter), ..Default::default() };
        let mut messages = self.client.subscribe(request).await?.into_inner();
        while self.awaited > 0 {
            let message = messages.message().await?.ok_or_else(ended)?;
            // Messages of other kinds, also unknown ones, only move the token.
            if let Some(Message::Events(batch)) = message.message {
                batch.events.iter().try_for_each(|event| self.print(event))?;
            }
            self.token = message.token; // after its events: what was not handled is sent again
            pause.reset();
        }
        Ok(())
    }
    // docs:end resume

    fn print(&mut self, event: &RecordedEvent) -> Result<(), Status> {
        println!("event {} {} {}", event.position, event.stream, event.r#type);
        self.events += 1;
        if event.r#type != OrderCreated::full_name() {
            return Ok(());
        }
        let payload =
            event.payload.as_ref().map_or_else(|| Ok(OrderCreated::default()), |any| any.to_msg());
        let created = payload
            .map_err(|failure| Status::data_loss(format!("an event's payload: {failure}")))?;
        if created.customer_id == self.customer_id {
            self.awaited = self.awaited.saturating_sub(1);
        }
        Ok(())
    }
}

/// Holds the current orders of a customer until there are as many as awaited.
pub struct Watch {
    client: QueryServiceClient<Channel>,
    customer_id: String,
    token: String,
    awaited: usize,
    items: BTreeMap<String, i64>,
}

impl Watch {
    pub fn new(channel: Channel, customer_id: &str, awaited: usize) -> Self {
        let client = QueryServiceClient::new(channel);
        Self {
            client,
            customer_id: customer_id.into(),
            token: String::new(),
            awaited,
            items: BTreeMap::new(),
        }
    }

    /// The item count of each order, by its id.
    pub fn items(&self) -> &BTreeMap<String, i64> {
        &self.items
    }

    pub async fn follow(&mut self, lost: &LostConnections) -> Result<(), Status> {
        retried(lost, async |pause| self.attempt(pause).await).await
    }

    // docs:begin watch
    /// Keeps the orders as they are on the server: first all of them, then every change.
    async fn attempt(&mut self, pause: &mut Pause) -> Result<(), Status> {
        let (customer_id, resume_token) = (self.customer_id.clone(), self.token.clone());
        let request = WatchCurrentOrdersRequest { customer_id, resume_token, ..Default::default() };
        let mut messages = self.client.watch_current_orders(request).await?.into_inner();
        while self.items.len() < self.awaited {
            let message = messages.message().await?.ok_or_else(ended)?;
            if message.reset {
                self.items.clear(); // everything received before is void, and is sent again
            }
            for order in message.puts {
                self.items.insert(order.order_id, order.item_count);
            }
            for order_id in &message.gone {
                self.items.remove(order_id);
            }
            self.token = message.resume_token;
            pause.reset();
        }
        Ok(())
    }
    // docs:end watch
}

/// Our streams have no end: when the server ends one, it must be opened again.
fn ended() -> Status {
    Status::unavailable("the server ended the stream")
}

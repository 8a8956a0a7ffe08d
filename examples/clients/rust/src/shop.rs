//! Commands and queries of one customer.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::errors::{LostConnections, refused_for, retried};
use crate::protos::foldlog::orders::v1::command_service_client::CommandServiceClient;
use crate::protos::foldlog::orders::v1::query_service_client::QueryServiceClient;
use crate::protos::foldlog::orders::v1::{
    CreateOrder, CreateOrderRequest, CreateOrderResponse, GetOrderRequest, OrderLine, SubmitOrder,
    SubmitOrderRequest,
};
use crate::protos::foldlog::v1::request_service_client::RequestServiceClient;
use crate::protos::foldlog::v1::{
    CommandOptions, CommandResult, GetOutcomeRequest, Money, ReadOptions,
};

/// How long one attempt of a call may take. A stream has no deadline: it is meant to last.
const PATIENCE: Duration = Duration::from_secs(5);

/// The calls of one customer. Clients that are made of one channel share its connection.
pub struct Shop {
    commands: CommandServiceClient<Channel>,
    queries: QueryServiceClient<Channel>,
    requests: RequestServiceClient<Channel>,
    customer_id: String,
}

impl Shop {
    pub fn new(channel: Channel, customer_id: String) -> Self {
        Self {
            commands: CommandServiceClient::new(channel.clone()),
            queries: QueryServiceClient::new(channel.clone()),
            requests: RequestServiceClient::new(channel),
            customer_id,
        }
    }

    pub fn customer_id(&self) -> &str {
        &self.customer_id
    }

    /// Places the first order, an empty one, and shows what can be asked about it. Returns what its
    /// command did.
    pub async fn begin(&mut self) -> Result<CommandResult, Status> {
        let request_id = new_request_id();
        let created = self.create(&request_id, vec![]).await?;
        let (result, order_id) =
            (created.result.unwrap_or_default(), created.order.unwrap_or_default().order_id);
        println!("created {order_id} at position {}", result.position);
        self.read_own_write(&order_id, &result.token).await?;
        self.be_refused(&order_id).await?;
        self.repeat(&request_id).await?;
        self.outcome(&request_id).await?;
        self.latest(&order_id).await?;
        Ok(result)
    }

    /// Places orders one after the other, each with a request id of its own that it keeps through
    /// its attempts.
    pub async fn write(&mut self, lost: &LostConnections, orders: usize) -> Result<(), Status> {
        let price = Money { currency_code: "GBP".into(), units: 3, nanos: 0 };
        let tea = OrderLine {
            product_id: "tea".into(),
            quantity: 2,
            unit_price: Some(price),
            ..Default::default()
        };
        for _ in 0..orders {
            let request_id = new_request_id();
            retried(lost, async |_| self.create(&request_id, vec![tea.clone()]).await).await?;
        }
        Ok(())
    }

    // docs:begin command
    /// Places an order. Sent again with the same request id, it acts once, and returns the first
    /// answer: so the caller makes one id for one order, and keeps it until the answer is known.
    async fn create(
        &mut self,
        request_id: &str,
        lines: Vec<OrderLine>,
    ) -> Result<CreateOrderResponse, Status> {
        let command = CreateOrder {
            customer_id: self.customer_id.clone(),
            currency_code: "GBP".into(),
            lines,
            ..Default::default()
        };
        let options = CommandOptions { request_id: request_id.into(), ..Default::default() };
        let request = CreateOrderRequest { command: Some(command), options: Some(options) };
        Ok(self.commands.create_order(within_patience(request)).await?.into_inner())
    }
    // docs:end command

    /// Reads an order as it is after our own command: the answer must have seen the command's
    /// token.
    async fn read_own_write(&mut self, order_id: &str, token: &str) -> Result<(), Status> {
        let options = ReadOptions { min_position_token: token.into(), ..Default::default() };
        let version = self.version(order_id, options).await?;
        println!("read {order_id} at version {version}");
        Ok(())
    }

    /// Reads an order as it is now, whichever client changed it last.
    async fn latest(&mut self, order_id: &str) -> Result<(), Status> {
        let options = ReadOptions { latest: true, ..Default::default() };
        let version = self.version(order_id, options).await?;
        println!("latest: {order_id} at version {version}");
        Ok(())
    }

    async fn version(&mut self, order_id: &str, options: ReadOptions) -> Result<u64, Status> {
        let request = GetOrderRequest {
            order_id: order_id.into(),
            options: Some(options),
            ..Default::default()
        };
        let found = self.queries.get_order(within_patience(request)).await?.into_inner();
        Ok(found.order.unwrap_or_default().version)
    }

    async fn be_refused(&mut self, order_id: &str) -> Result<(), Status> {
        let command = SubmitOrder { order_id: order_id.into() };
        let request = SubmitOrderRequest { command: Some(command), options: None };
        let answer = self.commands.submit_order(within_patience(request)).await;
        let Err(status) = answer else {
            return Err(Status::internal("an empty order was to be refused, and was taken"));
        };
        let info = refused_for(&status, "foldlog.orders.v1", "ORDER_EMPTY").ok_or(status)?;
        let metadata = serde_json::json!(info.metadata);
        println!("refused: {} {} {metadata}", info.domain, info.reason);
        Ok(())
    }

    async fn repeat(&mut self, request_id: &str) -> Result<(), Status> {
        let result = self.create(request_id, vec![]).await?.result.unwrap_or_default();
        println!("repeated: replayed={} at position {}", result.replayed, result.position);
        Ok(())
    }

    // docs:begin outcome
    /// Asks for the outcome of a command of which only the request id is left. NOT_FOUND would mean
    /// that nothing is recorded: a client that still has the command may send it with that id.
    async fn outcome(&mut self, request_id: &str) -> Result<(), Status> {
        let request = GetOutcomeRequest { request_id: request_id.into() };
        match self.requests.get_outcome(within_patience(request)).await {
            Ok(found) => {
                let result = found.into_inner().result.unwrap_or_default();
                println!("outcome: {} at position {}", result.stream, result.position);
                Ok(())
            }
            Err(status) if status.code() == Code::Unimplemented => {
                println!("outcome: not implemented by this server");
                Ok(())
            }
            Err(status) => Err(status),
        }
    }
    // docs:end outcome
}

/// A UUID of version 7: ids in the order of time keep the server fast.
fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

fn within_patience<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

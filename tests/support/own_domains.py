"""Two little domains that are not Foldlog's own: one whose requests are commands, and one whose requests hold them."""

from pathlib import Path

BANK = """
syntax = "proto3";
// Accounts.
package bank.v1;
import "foldlog/v1/commands.proto";
import "foldlog/v1/options.proto";
import "foldlog/v1/reads.proto";

// Bank keeps accounts.
service Bank {
  // Deposit pays in.
  rpc Deposit(bank.v1.Deposit) returns (AccountReply) {
    option (foldlog.v1.command) = {category: "account" streams: "account_id"};
  }
  // Withdraw pays out.
  rpc Withdraw(bank.v1.Withdraw) returns (AccountReply) {
    option (foldlog.v1.command) = {category: "account" streams: "account_id"};
  }
  // List lists them.
  rpc List(ListAccountsRequest) returns (ListAccountsReply) {
    option (foldlog.v1.query) = {collection: "accounts"};
  }
  // Return gives back.
  rpc Return(bank.v1.Return) returns (AccountReply) {
    option (foldlog.v1.command) = {category: "account" streams: "account_id"};
  }
}
// Deposit pays in.
message Deposit {
  // Which.
  string account_id = 1 [(foldlog.v1.rules) = {required: true format: FORMAT_ID}];
  // How much.
  int64 cents = 2;
  // How to do it.
  foldlog.v1.CommandOptions options = 15;
}
// Client is called as the class with the methods is.
message Client { string name = 1; }
// Return gives back.
message Return { string account_id = 1; Client client = 2; foldlog.v1.CommandOptions options = 15; }
// Withdraw pays out.
message Withdraw {
  // Which.
  string account_id = 1 [(foldlog.v1.rules) = {required: true format: FORMAT_ID}];
  // How to do it.
  foldlog.v1.CommandOptions options = 15;
}
// Account is what there is.
message Account { string account_id = 1; int64 cents = 2; }
// AccountReply is the answer of every command.
message AccountReply { foldlog.v1.CommandResult result = 1; Account account = 2; }
// ListAccountsRequest asks.
message ListAccountsRequest { int32 page_size = 1; string page_token = 2; foldlog.v1.ReadOptions options = 3; }
// ListAccountsReply answers.
message ListAccountsReply { repeated Account accounts = 1; string next_page_token = 2; }
// ErrorReason is why a call was refused.
enum ErrorReason {
  // Never sent.
  ERROR_REASON_UNSPECIFIED = 0;
  // Less is there.
  ERROR_REASON_TOO_LITTLE = 1 [(foldlog.v1.error) = {code: CODE_FAILED_PRECONDITION cause: "Less." action: "Ask for less."}];
}
"""
EVENTS = """
syntax = "proto3";
// What happened to accounts.
package bank.v1;
// Deposited says that something was paid in.
message Deposited { int64 cents = 1; }
"""
CARDS = """
syntax = "proto3";
// Cards.
package acme.cards.v2;
import "foldlog/v1/commands.proto";
import "foldlog/v1/options.proto";

// CommandService issues cards.
service CommandService {
  // Issue issues one.
  rpc Issue(IssueRequest) returns (IssueResponse) {
    option (foldlog.v1.command) = {category: "card" streams: "card_id"};
  }
}
// Issue issues one.
message Issue { string card_id = 1; }
// IssueRequest asks for it.
message IssueRequest { Issue command = 1; foldlog.v1.CommandOptions options = 2; }
// IssueResponse answers.
message IssueResponse { foldlog.v1.CommandResult result = 1; }
"""
PROTOS = {
    "bank/v1/bank.proto": BANK,
    "bank/v1/events.proto": EVENTS,
    "acme/cards/v2/cards.proto": CARDS,
}


def write_protos(folder: Path, protos: dict[str, str] = PROTOS) -> Path:
    """The directory of the protos."""
    for name, text in protos.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder

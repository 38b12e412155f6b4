//! `replay_request`: what a client that comes later gets of an execution.

use ipyrust_engine::message::Channel::{Control, Shell};
use serde_json::json;

use crate::common::{Client, Kernel};

#[test]
fn a_client_that_comes_later_gets_what_was_published_and_the_reply() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.print(&request, "text\n");
    kernel.reply(&request, r#"{"status":"ok"}"#);
    kernel.core.leave(&request).unwrap();
    let live: Vec<_> = (0..3).map(|_| client.published()).collect();
    let reply = client.receive(Shell);
    drop(client);
    let late = Client::of(&kernel);
    late.ask(Control, "replay_request", &json!({"msg_id": msg_id}));
    let answer = late.receive(Control).content;
    for (at, message) in live.iter().enumerate() {
        let kept = &answer["messages"][at];
        assert_eq!(kept["header"], message.header);
        assert_eq!(kept["parent_header"], message.parent_header);
        assert_eq!(kept["content"], message.content);
    }
    assert_eq!(answer["last_seq"], 3);
    assert_eq!(answer["reply"]["header"], reply.header);
}

//! What one thread publishes keeps its order, whatever others do; text of one parent is merged.

use std::sync::Arc;

use bytes::Bytes;
use ipyrust_engine::message::Channel::Shell;
use serde_json::json;

use crate::common::{Client, Kernel};

const THREADS: usize = 4;
const ROUNDS: usize = 300;

#[test]
fn every_thread_keeps_its_own_order() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let requests: Vec<_> = (0..THREADS)
        .map(|_| {
            client.execute("");
            kernel.next_request()
        })
        .collect();
    std::thread::scope(|scope| {
        for request in &requests {
            let kernel = &kernel;
            scope.spawn(move || {
                kernel.core.enter(request).unwrap();
                for round in 0..ROUNDS {
                    kernel.print(request, &format!("{round};"));
                    let content = Bytes::from(format!("{{\"round\":{round}}}"));
                    kernel.publish(request, "display_data", content);
                }
                kernel.reply(request, r#"{"status":"ok"}"#);
                kernel.core.leave(request).unwrap();
            });
        }
        let mut progress = vec![Vec::new(); THREADS];
        while progress
            .iter()
            .any(|seen: &Vec<String>| seen.last().is_none_or(|last| last != "idle"))
        {
            let message = client.published();
            let of = requests
                .iter()
                .position(|request| request.header.msg_id == message.parent_id());
            progress[of.unwrap()].push(match message.msg_type() {
                "display_data" => message.content["round"].to_string(),
                _ => message.shown(),
            });
        }
        for seen in progress {
            let rounds =
                (0..ROUNDS).flat_map(|round| [format!("stdout:{round};"), round.to_string()]);
            let expected: Vec<_> = ["busy".to_owned()]
                .into_iter()
                .chain(rounds)
                .chain(["idle".to_owned()])
                .collect();
            assert_eq!(seen, expected);
        }
        for _ in 0..THREADS {
            assert_eq!(client.receive(Shell).content, json!({"status": "ok"}));
        }
    });
}

#[test]
fn neighbouring_text_of_one_parent_is_merged_and_none_is_lost() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    let lines: String = (0..20_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    lines
        .split_inclusive('\n')
        .for_each(|line| kernel.print(&request, line));
    kernel.core.leave(&request).unwrap();
    let transcript = client.transcript(&msg_id);
    let text: String = transcript
        .iter()
        .filter_map(|shown| shown.strip_prefix("stdout:"))
        .collect();
    assert_eq!(text, lines);
    assert!(
        transcript.len() < 1000,
        "{} messages for 20 000 lines",
        transcript.len()
    );
}

#[test]
fn text_of_another_parent_is_not_merged() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    client.execute("");
    let (one, two) = (kernel.next_request(), kernel.next_request());
    for (request, text) in [(&one, "a"), (&one, "b"), (&two, "c"), (&one, "d")] {
        kernel.print(request, text);
    }
    for (parent, text) in [(&one, "stdout:ab"), (&two, "stdout:c"), (&one, "stdout:d")] {
        let message = client.published();
        assert_eq!(
            (message.shown().as_str(), message.parent_id()),
            (text, &*parent.header.msg_id)
        );
    }
}

#[test]
fn text_beyond_a_message_is_cut_at_characters() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("");
    let request = kernel.next_request();
    let text = "x".to_owned() + &"€".repeat(1 << 20);
    kernel.print(&request, &text);
    kernel.core.leave(&request).unwrap();
    let transcript = client.transcript(&msg_id);
    let back: String = transcript
        .iter()
        .filter_map(|shown| shown.strip_prefix("stdout:"))
        .collect();
    assert!(back == text, "{} bytes became {}", text.len(), back.len());
}

#[test]
fn held_text_comes_without_being_asked_for() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    kernel.print(&request, "a");
    assert_eq!(client.published().shown(), "stdout:a");
    kernel.print(&request, "b");
    assert_eq!(client.published().shown(), "stdout:b");
}

#[test]
fn many_requests_from_many_clients_get_their_own_replies() {
    const EACH: usize = 500;
    let kernel = Arc::new(Kernel::start());
    let clients: Vec<_> = (0..3).map(|_| Client::of(&kernel)).collect();
    let server = Arc::clone(&kernel);
    let serving = std::thread::spawn(move || {
        for _ in 0..3 * EACH {
            let request = server.next_request();
            server.serve(&request, r#"{"status":"ok"}"#);
        }
    });
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || {
                let asked: Vec<_> = (0..EACH).map(|_| client.execute("pass")).collect();
                for msg_id in asked {
                    assert_eq!(client.receive(Shell).parent_id(), msg_id);
                }
            });
        }
    });
    serving.join().unwrap();
}

use crate::{large, numbered, path, subprotocol, Sockets, FLOOD, HALL};
use outrider::future::{Request, WebSocket};
use outrider::websocket::{Closed, SERVICE_RESTART};
use outrider::{Failure, Responded};
use std::time::Duration;

/// Says that the client has left, unless the WebSocket has ended otherwise: a future is dropped then.
struct Leaving<'a>(Option<&'a Sockets>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(sockets) = self.0 {
            sockets.say("the client has left");
        }
    }
}

impl Sockets {
    async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        let head = request.head();
        if !head.is_websocket() {
            return Ok(request.respond(426, &[], "this is a WebSocket\n")?);
        }
        if path(&head) == "/denied" {
            return Ok(request.respond(403, &[], "denied\n")?);
        }
        if path(&head) == "/later" {
            request.sleep(Duration::from_millis(1)).await?;
        }
        let mut leaving = Leaving(Some(self));
        let mut socket = request.accept(subprotocol(&head), HALL)?;
        let used = self.talk(path(&head), &mut socket).await;
        leaving.0 = None;
        used?;
        if let Some((code, reason)) = socket.closed() {
            self.say_how(Closed { code, reason, by_host: code == SERVICE_RESTART });
        }
        Ok(socket.finish())
    }

    async fn talk(&self, path: &str, socket: &mut WebSocket<'_>) -> Result<(), Failure> {
        if path == "/closes" {
            socket.close(4000, "as asked")?;
        }
        while let Some(message) = socket.next().await? {
            match path {
                "/throws" => return Err(Failure::new("thrown by a future")),
                "/panics" => panic!("thrown by a panic"),
                "/returns" => return Ok(()),
                "/large" => socket.send(&large()[..]).await?,
                "/flood" => {
                    for number in 0..FLOOD {
                        socket.send(&numbered(number)[..]).await?;
                    }
                    socket.close(1000, "that is all")?;
                }
                _ => socket.send(&message).await?,
            }
        }
        Ok(())
    }
}

outrider::plugin!(Sockets: async handle);

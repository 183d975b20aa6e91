use crate::{large, numbered, path, subprotocol, Sockets, FLOOD, HALL};
use outrider::event::{Event, EventHandler, Request, Responder, WebSocket};
use outrider::websocket::OwnedMessage;
use outrider::{Accepted, Error, Failure};
use std::time::Duration;

pub struct Exchange {
    path: String,
    /// A handshake that is accepted later.
    responder: Option<Responder>,
    socket: Option<WebSocket>,
    /// A message for which there was no room.
    kept: Option<OwnedMessage>,
    sent: usize,
}

impl EventHandler for Sockets {
    type Exchange = Exchange;

    fn open(&self, request: Request<'_>) -> Result<Exchange, Failure> {
        let head = request.head();
        let path = path(&head).to_owned();
        let mut exchange = Exchange { path, responder: None, socket: None, kept: None, sent: 0 };
        if !head.is_websocket() {
            request.respond(426, &[], "this is a WebSocket\n")?;
        } else if exchange.path == "/denied" {
            request.respond(403, &[], "denied\n")?;
        } else if exchange.path == "/later" {
            request.handle().after(Duration::from_millis(1), 0)?;
            exchange.responder = Some(request.into_responder());
        } else {
            exchange.begin(request.accept(subprotocol(&head), HALL)?)?;
        }
        Ok(exchange)
    }

    fn event(&self, exchange: &mut Exchange, event: Event<'_>) -> Result<(), Failure> {
        match event {
            Event::Timer(_) => {
                if let Some(responder) = exchange.responder.take() {
                    exchange.begin(responder.accept(None, &[])?)?;
                }
            }
            Event::Message(_) if exchange.path == "/throws" => return Err(Failure::new("thrown by an event")),
            Event::Message(_) if exchange.path == "/panics" => panic!("thrown by a panic"),
            Event::Message(_) if exchange.path == "/flood" => exchange.flood()?,
            Event::Message(_) if exchange.path == "/large" => exchange.send(OwnedMessage::Text(large()))?,
            Event::Message(message) => exchange.send(message.to_owned())?,
            Event::Resumed if exchange.path == "/flood" => exchange.flood()?,
            Event::Resumed => match exchange.kept.take() {
                Some(message) => exchange.send(message)?,
                None => exchange.receive()?,
            },
            Event::Closed(closed) => self.say_how(closed),
            Event::Disconnected(_) => self.say("the client has left"),
            _ => {}
        }
        Ok(())
    }
}

impl Exchange {
    fn begin(&mut self, socket: WebSocket) -> Result<(), Failure> {
        if self.path == "/closes" {
            return Ok(socket.close(4000, "as asked")?);
        }
        self.socket = Some(socket);
        self.receive()
    }

    fn receive(&self) -> Result<(), Failure> {
        Ok(self.socket.as_ref().map_or(Ok(()), |socket| socket.receive(1))?)
    }

    fn send(&mut self, message: OwnedMessage) -> Result<(), Failure> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => return Ok(()),
        };
        match socket.send_owned(message) {
            Ok(Accepted::Paused) => Ok(()),
            Ok(_) => self.receive(),
            Err(refused) if refused.error == Error::AGAIN => {
                self.kept = Some(refused.value);
                Ok(())
            }
            Err(refused) => Err(refused.error.into()),
        }
    }

    fn flood(&mut self) -> Result<(), Failure> {
        while let Some(socket) = self.socket.as_ref().filter(|_| self.sent < FLOOD) {
            match socket.send(&numbered(self.sent)[..]) {
                Err(Error::AGAIN) => return Ok(()),
                result => {
                    self.sent += 1;
                    if result? == Accepted::Paused {
                        return Ok(());
                    }
                }
            }
        }
        Ok(self.socket.take().map_or(Ok(()), |socket| socket.close(1000, "that is all"))?)
    }
}

outrider::plugin!(Sockets: event);

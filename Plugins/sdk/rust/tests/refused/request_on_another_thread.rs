//! error[E0277]
use outrider::blocking::Request;

pub fn handle(request: Request<'_>) {
    std::thread::scope(|scope| {
        scope.spawn(|| request.early_hints(&[]));
    });
}

fn main() {}

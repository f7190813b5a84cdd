//! The table beside an ordered map.

use std::collections::BTreeMap;

use super::*;

/// Numbers that look random (xorshift), the same in each run of the test.
struct Draws(u64);

impl Draws {
    /// From 0 to `most`.
    fn draw(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % (most + 1)
    }
}

/// After any operations it holds what a `BTreeMap` would hold.
#[test]
fn it_behaves_as_an_ordered_map_does() {
    for seed in 0..20 {
        let mut random = Draws(seed + 1);
        let mut table: PerClient<SocketId, u64> = PerClient::new();
        let mut expected: BTreeMap<SocketId, u64> = BTreeMap::new();
        for value in 0..500 {
            let socket = SocketId {
                peer: random.draw(3) as u32,
                attempt: (1 + random.draw(2)) as u16,
                copy: random.draw(1) as u16,
            };
            match random.draw(5) {
                0 | 1 => assert_eq!(
                    table.insert(socket, value),
                    expected.insert(socket, value),
                    "seed {seed}"
                ),
                2 => assert_eq!(
                    table.entry(socket).or_insert(value),
                    expected.entry(socket).or_insert(value)
                ),
                3 | 4 => assert_eq!(table.remove(&socket), expected.remove(&socket)),
                _ => {
                    table.retain(|_, kept| *kept % 7 != value % 7);
                    expected.retain(|_, kept| *kept % 7 != value % 7);
                }
            }
            assert_eq!(table.get(&socket), expected.get(&socket));
            assert_eq!(table.get_mut(&socket), expected.get_mut(&socket));
            let found: Vec<(SocketId, u64)> =
                table.iter().map(|(key, value)| (key, *value)).collect();
            let sought: Vec<(SocketId, u64)> =
                expected.iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(found, sought, "seed {seed}");
            let of_one: Vec<SocketId> = table.keys_of(socket.peer).collect();
            let sought = sought.into_iter().map(|(key, _)| key);
            assert!(
                of_one
                    .into_iter()
                    .eq(sought.filter(|key| key.peer == socket.peer))
            );
        }
    }
}

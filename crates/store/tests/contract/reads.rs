//! Pages, filters, counts, retention.

use wakeman_store::{Commit, Cursor, ListQuery, Order, Page, Purge, Store, Versioned};

use super::{Harness, Note, Other, Ratio, at, event, land};

/// 60 notes: sort keys 0, 0, 0, 1, 1, 1, …; states a, b, c, d; parents p0 and p1.
async fn sixty(store: &Store) -> Vec<Note> {
    let notes: Vec<Note> = (0..60)
        .map(|n| Note {
            state: ["a", "b", "c", "d"][n % 4].into(),
            parent: Some(format!("p{}", n % 2)),
            sort_key: (n / 3) as i64,
            ..Note::new(&format!("n{n:02}"))
        })
        .collect();
    let commit = notes.iter().fold(Commit::new(at(1)), |commit, note| commit.put(note));
    land(store, commit).await;
    notes
}

async fn all(store: &Store, query: &ListQuery) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let Page { items, next } = store.list::<Note>(&query.clone().after(cursor)).await.unwrap();
        assert!(items.len() <= query.limit);
        ids.extend(items.into_iter().map(|Versioned { value, .. }| value.id));
        // Through text, as a client would hand it back.
        cursor = next.map(|c| c.to_string().parse::<Cursor>().unwrap());
        if cursor.is_none() {
            return ids;
        }
    }
}

fn expected(notes: &[Note], order: Order, keep: impl Fn(&Note) -> bool) -> Vec<String> {
    let mut kept: Vec<_> = notes.iter().filter(|n| keep(n)).map(|n| (n.sort_key, n.id.clone())).collect();
    kept.sort();
    if order == Order::Newest {
        kept.reverse();
    }
    kept.into_iter().map(|(_, id)| id).collect()
}

pub async fn pages_cover_everything_once<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let notes = sixty(&store).await;
    for limit in [1, 7, 20, 59, 60, 61] {
        for order in [Order::Newest, Order::Oldest] {
            let query = ListQuery { limit, order, ..ListQuery::default() };
            assert_eq!(all(&store, &query).await, expected(&notes, order, |_| true), "{limit} {order:?}");
        }
    }
}

pub async fn filters_select<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let notes = sixty(&store).await;
    for order in [Order::Newest, Order::Oldest] {
        let query = || ListQuery { order, ..ListQuery::newest(4) };
        assert_eq!(all(&store, &query().state("b")).await, expected(&notes, order, |n| n.state == "b"));
        let states = query().state("a").state("c").state("a");
        assert_eq!(all(&store, &states).await, expected(&notes, order, |n| n.state == "a" || n.state == "c"));
        assert_eq!(
            all(&store, &query().parent("p1")).await,
            expected(&notes, order, |n| n.id[1..].parse::<u8>().unwrap() % 2 == 1)
        );
        let both = query().parent("p0").state("c").state("b");
        assert_eq!(all(&store, &both).await, expected(&notes, order, |n| n.state == "c"));
        let window = query().since(3).until(9).state("a").state("d");
        let inside = |n: &Note| (3..9).contains(&n.sort_key) && (n.state == "a" || n.state == "d");
        assert_eq!(all(&store, &window).await, expected(&notes, order, inside));
        let none = ListQuery { states: Some(vec![]), ..query() };
        assert_eq!(all(&store, &none).await, Vec::<String>::new());
    }
}

pub async fn kinds_do_not_meet<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("same")).put(&Other { id: "same".into() })).await;
    assert_eq!(store.get::<Other>("same").await.unwrap().unwrap().value.id, "same");
    assert_eq!(store.list::<Other>(&ListQuery::newest(9)).await.unwrap().items.len(), 1);
    land(&store, Commit::new(at(2)).delete(wakeman_store::EntityRef::to::<Note>("same"))).await;
    assert_eq!((store.count::<Note>(None).await.unwrap(), store.count::<Other>(None).await.unwrap()), (0, 1));
}

pub async fn counts_count<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    sixty(&store).await;
    assert_eq!(store.count::<Note>(None).await.unwrap(), 60);
    assert_eq!(store.count::<Note>(Some("a")).await.unwrap(), 15);
    assert_eq!(store.count::<Note>(Some("none")).await.unwrap(), 0);
}

pub async fn purge_respects_its_bounds<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    sixty(&store).await;
    let old =
        |state: Option<&str>| Purge::Rows { kind: "note".into(), state: state.map(Into::into), sort_key_below: 10 };
    assert_eq!(store.purge(old(Some("a")), 5).await.unwrap(), 5);
    assert_eq!(store.purge(old(Some("a")), 100).await.unwrap(), 3);
    assert_eq!(store.count::<Note>(None).await.unwrap(), 52);
    assert_eq!(store.purge(old(None), 100).await.unwrap(), 22);
    assert_eq!(store.purge(old(None), 100).await.unwrap(), 0);
    assert_eq!(all(&store, &ListQuery::oldest(100)).await.len(), 30);
}

pub async fn numbers_survive_to_the_last_bit<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    // Doubles of every magnitude: a Weyl sequence over the bits.
    let bits = (1..=500u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let ratios: Vec<Ratio> =
        (0..).zip(bits.map(f64::from_bits).filter(|v| v.is_finite())).map(|(id, value)| Ratio { id, value }).collect();
    let mut commit = ratios.iter().fold(Commit::new(at(1)), |commit, ratio| commit.put(ratio));
    commit.events = ratios.iter().map(|ratio| event("ratio", serde_json::json!(ratio.value))).collect();
    land(&store, commit).await;
    let entries = store.journal(wakeman_store::LANE, wakeman_store::Seq(1), 1000).await.unwrap();
    for (ratio, entry) in ratios.iter().zip(entries) {
        let found = store.get::<Ratio>(&ratio.id.to_string()).await.unwrap().unwrap();
        assert_eq!(found.value.value.to_bits(), ratio.value.to_bits(), "{}", ratio.value);
        assert_eq!(entry.payload.unwrap().as_f64(), Some(ratio.value));
    }
}

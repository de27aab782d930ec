//! Vectors of texts, as numbers or packed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use wakeman_gateway::ports::Embeddings;

use super::{
    chunk,
    trouble::Trouble,
    wire::{Wire, cost},
};

impl Wire {
    /// One try of turning `texts` to vectors.
    pub(super) async fn embed(&self, alias: &str, texts: &[String]) -> Result<Embeddings, Trouble> {
        let body = json!({"model": alias, "input": texts, "encoding_format": "float"});
        let response = self.send("embeddings", Some(&body), HeaderMap::new()).await?;
        let from_header = cost(response.headers());
        let value = self.json(response).await?;
        let vectors = vectors(&value, texts.len()).map_err(Trouble::unavailable)?;
        Ok(Embeddings { vectors, cost_usd: chunk::read(&value).cost_usd.or(from_header) })
    }

    /// The names the host serves.
    pub(super) async fn aliases(&self) -> Result<Vec<String>, Trouble> {
        let value = self.json(self.send("models", None, HeaderMap::new()).await?).await?;
        let list = value["data"].as_array().ok_or_else(|| Trouble::unavailable("a list of models without `data`"))?;
        Ok(list.iter().filter_map(|model| model["id"].as_str()).map(str::to_owned).collect())
    }
}

/// One vector for each of `wanted` texts, in their order, all of one length.
fn vectors(value: &Value, wanted: usize) -> Result<Vec<Vec<f32>>, String> {
    let data = value["data"].as_array().ok_or("embeddings without `data`")?;
    let mut placed: Vec<(u64, Vec<f32>)> = Vec::with_capacity(data.len());
    for (place, item) in data.iter().enumerate() {
        let vector = vector(&item["embedding"]).ok_or_else(|| format!("embeddings: `data[{place}]` is no vector"))?;
        placed.push((item["index"].as_u64().unwrap_or(place as u64), vector));
    }
    placed.sort_by_key(|(index, _)| *index);
    if placed.len() != wanted {
        return Err(format!("{} vectors for {wanted} texts", placed.len()));
    }
    if placed.iter().zip(0..).any(|((index, _), place)| *index != place) {
        return Err(format!("embeddings: `index` is not 0 to {} once each", wanted.saturating_sub(1)));
    }
    let length = placed.first().map_or(0, |(_, vector)| vector.len());
    if length == 0 || placed.iter().any(|(_, vector)| vector.len() != length) {
        return Err("vectors of different lengths".to_owned());
    }
    Ok(placed.into_iter().map(|(_, vector)| vector).collect())
}

/// Numbers, or the base64 of their little-endian bytes. LiteLLM answers numbers whatever it was asked for.
fn vector(value: &Value) -> Option<Vec<f32>> {
    let vector: Vec<f32> = match value {
        Value::Array(numbers) => numbers.iter().map(|n| n.as_f64().map(|n| n as f32)).collect::<Option<_>>()?,
        Value::String(packed) => {
            let bytes = STANDARD.decode(packed).ok().filter(|bytes| bytes.len() % 4 == 0)?;
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
        }
        _ => return None,
    };
    vector.iter().all(|number| number.is_finite()).then_some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_taken_in_either_form_and_refused_in_any_other() {
        let packed = STANDARD.encode([1.0_f32, -0.5].map(f32::to_le_bytes).concat());
        for (data, want) in [
            (json!([{"embedding": [0.5, 2]}]), Ok(vec![vec![0.5, 2.0]])),
            (json!([{"embedding": packed}]), Ok(vec![vec![1.0, -0.5]])),
            (json!([]), Err("0 vectors for 1 texts".to_owned())),
            (json!([{"embedding": []}]), Err("vectors of different lengths".to_owned())),
            (json!([{"embedding": "AAA="}]), Err("embeddings: `data[0]` is no vector".to_owned())),
            (json!([{"embedding": [1, null]}]), Err("embeddings: `data[0]` is no vector".to_owned())),
        ] {
            assert_eq!(vectors(&json!({ "data": data }), 1), want, "{data}");
        }
        let turned = json!({"data": [{"embedding": [2.0], "index": 1}, {"embedding": [1.0], "index": 0}]});
        assert_eq!(vectors(&turned, 2), Ok(vec![vec![1.0], vec![2.0]]));
        assert!(vectors(&json!({"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]}), 2).is_err());
        // A vector that may be another text's is worse than none.
        for indices in [[0, 0], [1, 1], [1, 2], [0, 7]] {
            let data = indices.map(|index| json!({"embedding": [1.0], "index": index}));
            let wrong = Err("embeddings: `index` is not 0 to 1 once each".to_owned());
            assert_eq!(vectors(&json!({ "data": data }), 2), wrong, "{indices:?}");
        }
    }
}

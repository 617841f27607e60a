// Use of the types that openapi-typescript generates, with openapi-fetch.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

const [url, token, picture] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: `Bearer ${token}` },
});

const form = (fields: Record<string, unknown>): FormData => {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of Array.isArray(value) ? value : [value]) made.append(name, each);
  }
  return made;
};

const good = <T>({ data, error }: { data?: T; error?: unknown }): T => {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
};

const main = async () => {
  const found = good(
    await client.POST("/api/v1/images/search", { body: { query: "red", limit: 5 } }),
  );

  const names = new Set<string>();
  let cursor: string | undefined;
  do {
    const page: components["schemas"]["PhotoList"] = good(
      await client.GET("/api/v1/photos", {
        params: { query: { sort: "added", limit: 4, cursor } },
      }),
    );
    for (const photo of page.photos) names.add(photo.name);
    cursor = page.next ?? undefined;
  } while (cursor);

  const path = { photo_id: found.hits[0]!.photo_id };
  const photo = good(await client.GET("/api/v1/photos/{photo_id}", { params: { path } }));
  const thumbnail: ArrayBuffer = good(
    await client.GET("/api/v1/photos/{photo_id}/thumbnail", {
      params: { path, query: { side: 160 } },
      parseAs: "arrayBuffer",
    }),
  );

  // The generated type of a file is its text; the serializer is given the file itself.
  const bytes = new File([readFileSync(picture)], basename(picture));
  const alike = good(
    await client.POST("/api/v1/images/search/upload", {
      body: { image: [] },
      bodySerializer: () => form({ image: bytes }),
    }),
  );

  const groups = good(await client.GET("/api/v1/duplicates"));
  const group = groups.groups[0]!;
  const plan = good(
    await client.POST("/api/v1/plans", { body: { groups: [{ group: group.group }] } }),
  );
  const one = { params: { path: { plan_id: plan.id } } };
  const applied = good(await client.POST("/api/v1/plans/{plan_id}/apply", one));
  const undone = good(await client.POST("/api/v1/plans/{plan_id}/undo", one));

  const uploads = good(
    await client.PUT("/api/v1/photos", {
      params: { query: { namespace: "red" } },
      body: { files: [] },
      bodySerializer: () => form({ files: [bytes] }),
    }),
  );

  const missing = await client.GET("/api/v1/photos/{photo_id}", {
    params: { path: { photo_id: "0".repeat(64) } },
  });
  const refused = await client.GET("/api/v1/photos", {
    headers: { Authorization: "Bearer nobody" },
  });

  return {
    hits: found.hits.length,
    names: names.size,
    altitude: photo.exif.altitude,
    picture: Buffer.from(thumbnail).subarray(8, 12).toString(),
    alike: alike.hits[0]!.name.split(" ")[0],
    relation: group.relation,
    states: [plan.state, applied.state, undone.state],
    new: uploads.photos[0]!.new,
    missing: [missing.response.status, missing.error!.code],
    refused: refused.error!.code,
  };
};

main().then((outcome) => console.log(JSON.stringify(outcome)));

// Use of the client that hey-api generates.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

import { createClient } from "./generated/client";
import {
  applyPlan,
  createPlan,
  getPhoto,
  getThumbnail,
  listDuplicates,
  listPhotos,
  searchPhotos,
  searchPhotosByUpload,
  undoPlan,
  uploadPhotos,
} from "./generated";

const [url, token, picture] = process.argv.slice(2) as [string, string, string];
const client = createClient({ baseUrl: url, auth: token });

const main = async () => {
  const throwOnError = true;
  const { data: found } = await searchPhotos({
    client,
    throwOnError,
    body: { query: "red", limit: 5 },
  });

  const names = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await listPhotos({
      client,
      throwOnError,
      query: { sort: "added", limit: 4, cursor },
    });
    for (const photo of page.data.photos) names.add(photo.name);
    cursor = page.data.next ?? undefined;
  } while (cursor);

  const path = { photo_id: found.hits[0]!.photo_id };
  const { data: photo } = await getPhoto({ client, throwOnError, path });
  const { data: thumbnail } = await getThumbnail({
    client,
    throwOnError,
    path,
    query: { side: 160 },
    parseAs: "blob",
  });

  const image = new File([readFileSync(picture)], basename(picture));
  const { data: alike } = await searchPhotosByUpload({ client, throwOnError, body: { image: [image] } });

  const { data: groups } = await listDuplicates({ client, throwOnError });
  const group = groups.groups[0]!;
  const body = { groups: [{ group: group.group }] };
  const { data: plan } = await createPlan({ client, throwOnError, body });
  const one = { client, throwOnError, path: { plan_id: plan.id } } as const;
  const { data: applied } = await applyPlan(one);
  const { data: undone } = await undoPlan(one);

  const { data: uploads } = await uploadPhotos({
    client,
    throwOnError,
    query: { namespace: "red" },
    body: { files: [image] },
  });

  const missing = await getPhoto({ client, path: { photo_id: "0".repeat(64) } });
  const stranger = createClient({ baseUrl: url, auth: "nobody" });
  const refused = await listPhotos({ client: stranger });

  return {
    hits: found.hits.length,
    names: names.size,
    altitude: photo.exif.altitude,
    picture: await (thumbnail as Blob).slice(8, 12).text(),
    alike: alike.hits[0]!.name.split(" ")[0],
    relation: group.relation,
    states: [plan.state, applied.state, undone.state],
    new: uploads.photos[0]!.new,
    missing: [missing.response!.status, missing.error!.code],
    refused: refused.error!.code,
  };
};

main().then((outcome) => console.log(JSON.stringify(outcome)));

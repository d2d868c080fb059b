-- The history of a deployment is its releases and its events, by time.
create index releases_by_time on releases (group_label, environment, created_at desc, number desc);
create index deployment_events_by_time on deployment_events (group_label, environment, created_at desc, id desc);

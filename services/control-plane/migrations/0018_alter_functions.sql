-- How many of the newest versions stay whether they are used or not; older ones go when nothing uses them.
alter table functions add column versions_kept integer not null default 100 check (versions_kept between 1 and 1000);

-- Who uses a function, in an order that pages can go on in.
create index apis_of_function on apis (function_uid, group_label, revision, id) where function_uid is not null;
drop index apis_by_function;
create index release_targets_of_function on release_targets (function_uid, group_label, environment, release, qualifier);

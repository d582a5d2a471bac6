"""The session of an `AsyncDatabase`; importing it takes greenlet."""

from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel.ext.asyncio.session import AsyncSession

from agentorm.dialects.tasks import check_unused, let_others_end


class AwaitedByOne(AsyncSession):
    """An `AsyncSession` that no task commits or rolls back while another uses it.

    Its end waits for what the other awaits, and lets it begin nothing more.

    Raises:
        SessionInUse: by either, when another does.
    """

    async def commit(self) -> None:
        check_unused(self.sync_session)
        await super().commit()

    async def rollback(self) -> None:
        check_unused(self.sync_session)
        await super().rollback()

    async def close(self) -> None:
        await greenlet_spawn(let_others_end, self.sync_session)
        await super().close()
